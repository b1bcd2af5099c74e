TAG = "attribute"

target "default" {
  args = {
    CHANGED = "override"
  }
  platforms = ["linux/arm64"]
}
