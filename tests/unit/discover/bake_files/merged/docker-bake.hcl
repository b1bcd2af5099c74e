variable "TAG" {
  default = "dev"
}

LOCAL = "hcl, the later file"

target "default" {
  args = {
    LOCAL   = LOCAL
    KEPT    = "hcl"
    CHANGED = "hcl"
  }
  tags = ["example.org/app:${TAG}"]
}

target "tool" {
  inherits = ["default"]
  target   = "tool"
}
