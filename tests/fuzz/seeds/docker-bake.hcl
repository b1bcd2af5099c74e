variable "TAG" { default = "dev" }
variable "REG" {
  default = "registry.test/shop"
  validation {
    condition = REG != ""
    error_message = "set REG"
  }
}
function "ref" {
  params = [name]
  result = "${REG}/${name}:${TAG}"
}
group "default" { targets = ["api", "tool"] }
target "base" {
  context = "."
  args = { VERSION = "1.${2 + 3}", LIST = join(",", [for i in range(3) : "x${i}"]) }
  labels = { "org.x" = upper("a") }
}
target "api" {
  inherits   = ["base"]
  dockerfile = "docker/api.Dockerfile"
  tags       = [ref("api"), TAG == "dev" ? "" : ref("latest")]
  platforms  = ["linux/amd64", "linux/arm64"]
  contexts   = { shared = "deep", parent = "target:base", alpine = "docker-image://alpine:3" }
  secret     = ["id=npm,src=npm.txt"]
  output     = ["type=registry"]
}
target "tool" {
  name = "tool-${item.name}"
  matrix = { item = [{ name = "a", dir = "src" }, { name = "b", dir = "deep" }] }
  context = item.dir
  dockerfile-inline = <<-EOT
    FROM alpine
    RUN echo %{ if item.name == "a" }yes%{ else }no%{ endif ~} ${item.name}
  EOT
}
