# Comments of both kinds, heredocs, templates, loops, splats and operators.
VERSION = "1.${MINOR}"
list    = [for n in ["b", "a"] : upper(n) if n != "c"]

variable "MINOR" { default = 10 }
variable "TYPED" {
  type    = list(string)
  default = [1, true]
}
variable "SHAPE" {
  type = object({
    name = string
    size = optional(number)
  })
  default = { name = 5, extra = "dropped" }
}
variable "NUMBERS" {
  type    = set(string)
  default = ["b", "a", "b"]
}
variable "EMPTY" {}
variable "NOTHING" {
  default = null
}

function "tag" {
  params          = [name]
  variadic_params = versions
  result          = [for v in versions : "${name}:${v}"]
}
function "twice" {
  params = [x]
  result = "${x}${x}"
}

target "default" {
  args = {
    arithmetic   = (1 + 2) * 3 - 4 / 2 % 3
    precedence   = "${1 + 2 * 3 == 7 && !false || false}"
    negative     = -MINOR
    double_not   = "${!!true}"
    comparison   = "${MINOR >= 10} ${MINOR < 10} ${"a" == "a"} ${1 == "1"} ${null == null}"
    conditional  = MINOR == 10 ? "ten" : MINOR == 11 ? "eleven" : "more"
    unset        = EMPTY == "" ? "unset" : "set ${EMPTY}"
    nothing      = NOTHING == null ? "null" : NOTHING
    dropped      = NOTHING
    escapes      = "tab\tquote\"slash\\ unicode\u00e9\U0001F600 dollar$${x} percent%%{x} $ %"
    lone         = "${MINOR}"
    nested       = "a${"b${"c${MINOR}"}"}"
    heredoc      = <<EOT
  kept ${MINOR}
	tab $${x}
EOT
    flush        = <<-EOT
      first
        second ${MINOR}

      third
    EOT
    one_line     = "%{ if MINOR == 10 }yes%{ else }no%{ endif }"
    no_else      = "<%{ if false }x%{ endif }>"
    looped       = "%{ for i, v in ["a", "b"] }${i}=${v};%{ endfor }"
    stripped     = "a   ${~ MINOR ~}   b %{~ if true ~}  c  %{~ endif ~}  d"
    index        = "${list[0]}${list[1]}${{ a = "x" }["a"]}${{ a = "y" }.a}"
    legacy_index = list.1
    splat        = join(",", [{ n = "a" }, { n = "b" }][*].n)
    attr_splat   = join(",", [{ n = ["a"] }, { n = ["b"] }].*.n[0])
    single_splat = join(",", "x"[*])
    for_object   = jsonencode({ for k, v in { b = 1, a = 2 } : upper(k) => v * 2 if v > 0 })
    for_grouped  = jsonencode({ for v in ["a1", "b1", "a2"] : substr(v, 0, 1) => v... })
    for_index    = join(",", [for i, v in ["x", "y"] : "${i}${v}"])
    for_sorted   = join(",", [for k, v in { b = 1, a = 2 } : "${k}${v}"])
    object_keys  = jsonencode({ (VERSION) = 1, "q-${MINOR}" = 2, plain = 3, 4 = 5 })
    spread       = max([1, 5, 3]...)
    typed        = jsonencode(TYPED)
    shape        = jsonencode(SHAPE)
    set          = jsonencode([for v in NUMBERS : v])
    command      = "${BAKE_CMD_CONTEXT}x"
    twice        = twice(twice("ab"))
    multi = join("", [
      "a", // trailing comment
      "b", /* inner */ "c", # another
    ])
    "quoted.key" = true
    reference    = target.other.args.KEY
    own_tag      = target.other.tags[0]
  }
  tags = tag("example.org/app", VERSION, "latest", "", "latest")
}

target "other" {
  args = { KEY = "from ${target.other.name}" }
  tags = ["example.org/other:${VERSION}"]
}
