variable "TAG" {
  default = "dev"
}

target "default" {
  args = {
    KEPT    = "hcl"
    CHANGED = "hcl"
  }
  tags = ["example.org/app:${TAG}"]
}

target "tool" {
  inherits = ["default"]
  target   = "tool"
}
