// Every function that can be told from files, and what go-cty makes of odd arguments.
target "text" {
  args = {
    basename         = "${basename("a/b/c.txt")}|${basename("a/b/")}|${basename("")}|${basename("/")}"
    chomp            = "<${chomp("a\n\r\n")}>"
    dirname          = "${dirname("a/b/c.txt")}|${dirname("a")}|${dirname("/a")}|${dirname("")}|${dirname("a/b/")}"
    format           = format("%s-%d-%03d-%5s|%-5s|%q|%v|%t|%x|%X|%o|%b|%.2f|%%|%+d", "a", 7, 7, "r", "l", "q\"", 1.5, true, 255, 255, 8, 5, 3.14159, 3)
    format_index     = format("%[2]s %[1]s", "a", "b")
    format_object    = format("%v %v %v", ["a", 1], { b = true }, null)
    formatlist       = join(",", formatlist("%s:%s", ["a", "b"], "x"))
    indent           = indent(2, "a\nb\nc")
    join             = join("-", ["a", "b"], ["c"])
    join_numbers     = join(".", [1, 2, 1.50])
    lower            = lower("AbÇ")
    regex            = regex("[a-z]+", "12abc34")
    regex_groups     = join("|", regex("(\\d+)\\.(\\d+)", "v1.22"))
    regex_named      = regex("(?P<major>\\d+)\\.(?P<minor>\\d+)", "v1.22").minor
    regex_replace    = regex_replace("1.2.3", "^(\\d+)\\.(\\d+).*", "$2_${1}_$3_$$")
    regex_replace_go = regex_replace("abc", "b", "$0x|$${0}x")
    regexall         = jsonencode(regexall("[a-z](\\d)?", "a1b2c"))
    replace          = replace("a.b.c", ".", "-")
    replace_empty    = replace("abc", "", "-")
    reverse          = reverse("abc")
    sanitize         = sanitize("a.b/c:d_e-f é")
    split            = jsonencode(split(",", "a,b,,c"))
    split_empty      = jsonencode(split(",", ""))
    split_characters = jsonencode(split("", "abc"))
    strlen           = strlen("héé")
    substr           = "${substr("hello", 1, 3)}|${substr("hello", -3, 2)}|${substr("hello", 1, -1)}|${substr("hi", 0, 9)}"
    title            = title("hello big-world it's a_b")
    trim             = trim("?!hello?!", "!?")
    trimprefix       = trimprefix("v1.2", "v")
    trimspace        = "<${trimspace("  a \n")}>"
    trimsuffix       = trimsuffix("a.tar.gz", ".gz")
    upper            = upper("straße")
  }
}

target "collections" {
  args = {
    chunklist     = jsonencode(chunklist(["a", "b", "c"], 2))
    coalesce      = coalesce(null, "", "b")
    coalescelist  = jsonencode(coalescelist([], ["a"]))
    compact       = jsonencode(compact(["a", "", "b"]))
    concat        = jsonencode(concat(["a"], ["b", 1]))
    contains      = "${contains(["a", "b"], "b")} ${contains(["a"], "c")}"
    distinct      = jsonencode(distinct(["a", "b", "a"]))
    element       = "${element(["a", "b", "c"], 4)}"
    flatten       = jsonencode(flatten([["a", ["b"]], [], "c"]))
    hasindex      = "${hasindex(["a"], 0)} ${hasindex(["a"], 1)} ${hasindex(["a"], "x")}"
    index         = index(["a", "b"], 1)
    length        = "${length(["a", "b"])} ${length([])}"
    indexof       = indexof(["a", "b"], "b")
    keys          = jsonencode(keys({ b = 1, a = 2 }))
    lookup        = "${lookup({ a = "x" }, "a", "d")} ${lookup({ a = "x" }, "b", "d")}"
    merge         = jsonencode(merge({ a = 1, b = 2 }, { b = 3 }, null))
    range         = jsonencode([range(3), range(1, 4), range(5, 1, -2), range(0, 1, 0.25)])
    reverselist   = jsonencode(reverselist(["a", "b"]))
    sethaselement = sethaselement(["a"], "a")
    intersection  = jsonencode(setintersection(["c", "a"], ["a", "c", "d"]))
    product       = jsonencode(setproduct(["a", "b"], ["x", "y"]))
    subtract      = jsonencode(setsubtract(["c", "a", "b"], ["a"]))
    difference    = jsonencode(setsymmetricdifference(["a", "b"], ["b", "c"]))
    union         = jsonencode(setunion(["c", "b"], ["a", "c"]))
    slice         = jsonencode(slice(["a", "b", "c"], 1, 3))
    sort          = jsonencode(sort(["b", "B", "a", "é", "10", "9"]))
    values        = jsonencode(values({ b = "1", a = "2" }))
    zipmap        = jsonencode(zipmap(["a", "b"], [1, 2]))
  }
}

target "numbers" {
  args = {
    absolute   = absolute(-2.5)
    arithmetic = "${add(1, 2)} ${subtract(1, 2)} ${multiply(2, 3.5)} ${divide(7, 2)} ${modulo(7, 3)} ${modulo(-7, 3)} ${negate(3)}"
    rounding   = "${ceil(1.2)} ${floor(-1.2)} ${int(-1.9)} ${signum(-3)} ${pow(2, 10)} ${pow(2, -1)}"
    extremes   = "${max(1, 5, 3)} ${min(1.5, 5)}"
    parseint   = "${parseint("ff", 16)} ${parseint("-101", 2)} ${parseint("Z", 36)}"
    compare    = "${equal("a", "a")} ${equal(1, "1")} ${notequal(1, 2)} ${greaterthan(2, 1)} ${lessthan(2, 1)} ${greaterthanorequalto(1, 1)} ${lessthanorequalto(2, 1)}"
    logic      = "${and(true, false)} ${or(true, false)} ${not(true)}"
    exact      = "${0.1 + 0.2} ${1.10} ${1e3} ${100000000000000000000} ${1 / 8} ${-7 % 3} ${10 % 4}"
  }
}

target "encoding" {
  args = {
    base64     = "${base64encode("héllo")} ${base64decode("aMOpbGxv")}"
    csv        = jsonencode(csvdecode("a,b\n1,\"2,3\"\n4,5\n"))
    json       = jsonencode({ b = [1, true, null, "<é&\">"], a = 1.5 })
    json_back  = jsondecode("{\"a\": [1, 2.50, \"x\"]}").a[1]
    md5        = md5("a")
    sha1       = sha1("a")
    sha256     = sha256("a")
    sha512     = sha512("a")
    url        = urlencode("a b/ü?&=+~-_.*")
    uuidv5     = uuidv5("dns", "example.org")
    can        = "${can(regex("z", "a"))} ${can("x")}"
    try        = try(regex("z", "a"), "fallback")
    convert    = jsonencode(convert(["1", "2"], list(number)))
  }
}
