// Groups, inheritance, merging, matrix, links, and every form of secrets and caches.
variable "REGISTRY" {
  default = "registry.example.org/team"
}
variable "NOTHING" {
  default = null
}

group "default" {
  targets = ["services", "base"]
}

group "services" {
  targets = ["service", "worker"]
}

target "_common" {
  args = {
    SHARED     = "common"
    OVERRIDDEN = "common"
    NULLED     = "kept"
  }
  labels = {
    "org.example.team" = "common"
  }
  platforms  = ["linux/amd64", "linux/arm64"]
  secret     = ["id=token,env=TOKEN", { id = "npm", src = "model.hcl" }, "type=env,id=old,src=OLD"]
  cache-from = ["cache.example.org/app:cache", "type=gha,scope=common"]
  cache-to   = ["type=inline"]
  contexts = {
    kept    = "docker-image://alpine:3.20"
    deleted = "docker-image://alpine:3.20"
  }
}

target "base" {
  inherits   = ["_common"]
  context    = "base"
  dockerfile = "Dockerfile.base"
  tags       = ["${REGISTRY}/base:1"]
  args = {
    OVERRIDDEN = "base"
    NULLED     = NOTHING
    NUMBER     = 1.50
    FLAG       = true
  }
}

target "service" {
  name = "service-${item.name}-${replace(version, ".", "-")}"
  matrix = {
    item    = [{ name = "api", port = 80 }, { name = "web", port = 8080 }]
    version = ["1.0", "2.0"]
  }
  inherits = ["_common"]
  context  = "services/${item.name}"
  contexts = {
    base    = "target:base"
    deleted = ""
  }
  args = {
    PORT = item.port
  }
  tags = ["${REGISTRY}/${item.name}:${version}", version == "2.0" ? "${REGISTRY}/${item.name}:latest" : ""]
}

target "worker" {
  inherits          = ["base", "_common"]
  dockerfile        = ""
  dockerfile-inline = "FROM base\nRUN echo $${HOME} ${REGISTRY}\n"
  target            = "final"
  tags              = []
  platforms         = []
  cache-to          = [{ type = "registry", ref = "cache.example.org/worker", mode = "max" }]
  cache-from        = ["type=gha,scope=worker"]
  secret            = ["id=token,src=syntax.hcl"]
  contexts          = { base = "target:base" }
  output            = ["type=image"]
}
