FROM registry.test/shop/base:1
COPY app.py src/main.go /app/
RUN ["python", "-V"]
