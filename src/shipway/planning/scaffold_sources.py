"""The programs of scaffolds, as they are written; ``{image}`` becomes the name of the image."""

PYTHON_SERVICE = '''\
"""A stand-in for {image}: it answers, and does nothing else."""

import json
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen

PORT = 8080


class Service(BaseHTTPRequestHandler):
    def do_GET(self):
        found = self.path.split("?")[0] == "/healthz"
        body = {"status": "ok"} if found else {"error": "{image} has no code yet"}
        data = json.dumps(body).encode()
        self.send_response(200 if found else 501)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    if "--check" in sys.argv:
        urlopen(f"http://127.0.0.1:{PORT}/healthz", timeout=2).close()
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        ThreadingHTTPServer(("", PORT), Service).serve_forever()
'''

NODE_SERVICE = """\
// A stand-in for {image}: it answers, and does nothing else.
const http = require("node:http");

const PORT = 8080;

function answer(request, response) {
  const found = request.url.split("?")[0] === "/healthz";
  const body = found ? { status: "ok" } : { error: "{image} has no code yet" };
  response.writeHead(found ? 200 : 501, { "Content-Type": "application/json" });
  response.end(JSON.stringify(body));
}

function check() {
  const request = http.get({ host: "127.0.0.1", port: PORT, path: "/healthz", timeout: 2000 }, (response) => {
    process.exit(response.statusCode === 200 ? 0 : 1);
  });
  request.on("error", () => process.exit(1));
  request.on("timeout", () => request.destroy());
}

if (process.argv.includes("--check")) {
  check();
} else {
  process.on("SIGTERM", () => process.exit(0));
  http.createServer(answer).listen(PORT);
}
"""

GO_SERVICE = """\
// A stand-in for {image}: it answers, and does nothing else.
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"
)

const port = ":8080"

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintln(w, body)
	}
}

func check() error {
	client := http.Client{Timeout: 2 * time.Second}
	response, err := client.Get("http://127.0.0.1" + port + "/healthz")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("healthz answered %s", response.Status)
	}
	return nil
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "--check" {
		if err := check(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	http.HandleFunc("/healthz", answer(http.StatusOK, `{"status": "ok"}`))
	http.HandleFunc("/", answer(http.StatusNotImplemented, `{"error": "{image} has no code yet"}`))
	if err := http.ListenAndServe(port, nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
"""

GO_MOD = """\
module stand-in

go 1.21
"""
