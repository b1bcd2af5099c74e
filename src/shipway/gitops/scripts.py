"""The tags of CI scripts as tag schemes.

``main-${GITHUB_SHA::7}-$(date +%s)`` is ``main-{sha7}-{timestamp}``. What is told apart are expressions, not
programs: whatever the table does not know is an error, never a guess.
"""

from __future__ import annotations

import re

from shipway.errors import ConfigError
from shipway.place import Place
from shipway.planning.tags import TagScheme


def _variable(*names: str) -> str:
    """A shell variable of one of these names, with or without braces."""
    any_of = "|".join(names)
    return rf"\$(?:\{{(?:{any_of})\}}|(?:{any_of})(?!\w))"


def _date(form: str) -> str:
    return rf"\$\(date (?:-u |--utc )?['\"]?\+['\"]?{form}['\"]?\)"


_COMMITS = ("GITHUB_SHA", "CI_COMMIT_SHA", "BITBUCKET_COMMIT", "CIRCLE_SHA1", "GIT_COMMIT", "COMMIT_SHA")
_BRANCHES = (
    "GITHUB_REF_NAME",
    "GITHUB_HEAD_REF",
    "CI_COMMIT_REF_SLUG",
    "CI_COMMIT_REF_NAME",
    "CI_COMMIT_BRANCH",
    "BRANCH_NAME",
    "CIRCLE_BRANCH",
    "TRAVIS_BRANCH",
)
_RUNS = ("GITHUB_RUN_NUMBER", "CI_PIPELINE_IID", "CIRCLE_BUILD_NUM", "BUILD_NUMBER", "BUILD_BUILDID")
_SEVEN = rf"\$\{{(?:{'|'.join(_COMMITS)}):0?:[78]\}}"

# an expression, and the fields that stand for it
_TABLE: tuple[tuple[str, str], ...] = (
    # commits
    (r"\$\{\{ (?:github\.(?:sha|event\.pull_request\.head\.sha)|env\.GITHUB_SHA) \}\}", "{sha}"),
    (_variable(*_COMMITS), "{sha}"),
    (r"\$\((?:git rev-parse HEAD|git log -1 --(?:pretty|format)=(?:format:)?%H)\)", "{sha}"),
    (_SEVEN, "{sha7}"),
    (_variable("CI_COMMIT_SHORT_SHA", "SHORT_SHA"), "{sha7}"),
    (r"\$\(git rev-parse --short(?:=[78])? (?:HEAD|\"?\$\{?GITHUB_SHA\}?\"?)\)", "{sha7}"),
    (r"\$\(git log -1 --(?:pretty|format)=(?:format:)?%h\)", "{sha7}"),
    (r"\$\(echo \"?\$\{?GITHUB_SHA\}?\"? \| (?:cut -c ?1-[78]|head -c ?[78])\)", "{sha7}"),
    # branches
    (r"\$\{\{ (?:github\.(?:ref_name|head_ref)|env\.GITHUB_REF_NAME) \}\}", "{branch}"),
    (r"\$\{GITHUB_REF(?:##\*/|#refs/heads/|#refs/\*/)\}", "{branch}"),
    (_variable(*_BRANCHES), "{branch}"),
    (r"\$\(git (?:rev-parse --abbrev-ref HEAD|branch --show-current)\)", "{branch}"),
    # times
    (_date("%s"), "{timestamp}"),
    (_date("%Y%m%d%H%M%S"), "{date}{time}"),
    (_date(r"%Y%m%d(?P<between>[-_.T])%H%M%S"), "{date}{between}{time}"),
    (_date("%Y%m%d"), "{date}"),
    # runs
    (r"\$\{\{ (?:github\.run_number|env\.GITHUB_RUN_NUMBER) \}\}", "{run}"),
    (_variable(*_RUNS), "{run}"),
    # versions
    (_variable("CI_COMMIT_TAG", "TRAVIS_TAG", "CIRCLE_TAG", "VERSION"), "{version}"),
    # docker/metadata-action
    (r"\{\{ ?sha ?\}\}", "{sha7}"),
    (r"\{\{ ?branch ?\}\}", "{branch}"),
    (r"\{\{ ?(?:version|raw) ?\}\}", "{version}"),
    (r"\{\{ ?date 'X' ?\}\}", "{timestamp}"),
    (r"\{\{ ?date 'YYYYMMDDHHmmss' ?\}\}", "{date}{time}"),
    (r"\{\{ ?date 'YYYYMMDD(?P<between>[-_.T])HHmmss' ?\}\}", "{date}{between}{time}"),
    (r"\{\{ ?date 'YYYYMMDD' ?\}\}", "{date}"),
)
_KNOWN = tuple((re.compile(expression), scheme) for expression, scheme in _TABLE)
_FIELD = re.compile(r"\{[a-z0-9_]*\}")
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}|\$\(.*?\)|\$\{.*?\}|\{\{.*?\}\}|\$\w+|`.*?`")
_SPACES = re.compile(r"[ \t]+")


def scheme_of(text: str, place: Place | None = None) -> TagScheme:
    """The scheme that a tag of a CI script follows; a scheme stays what it is.

    Raises ConfigError for an expression that is not in the table, or that makes no scheme.
    """
    parts = []
    rest = _SPACES.sub(" ", text.strip().strip("\"'"))
    while rest:
        part, rest = _next(rest, text, place)
        parts.append(part)
    return TagScheme.parse("".join(parts), place)


def _next(rest: str, text: str, place: Place | None) -> tuple[str, str]:
    """What comes first: an expression as its fields, a field of a scheme, or a character."""
    spaced = _spaced(rest)
    for known, fields in _KNOWN:
        if match := known.match(spaced):
            between = match.groupdict().get("between", "")
            return fields.replace("{between}", between), spaced[match.end() :]
    if field := _FIELD.match(rest):
        return field.group(), rest[field.end() :]
    if unknown := _EXPRESSION.match(rest):
        raise ConfigError(
            f"{unknown.group()} in the tag {text!r} is not known",
            place=place,
            cause="what it gives cannot be told from its text",
            help="say the tag as a scheme instead, such as '{branch}-{sha7}-{timestamp}'",
        )
    return rest[0], rest[1:]


def _spaced(rest: str) -> str:
    """An expression of GitHub with one blank inside of its braces, as the table has it."""
    if not rest.startswith("${{"):
        return rest
    inner, end, after = rest[3:].partition("}}")
    return f"${{{{ {inner.strip()} }}}}{after}" if end else rest


def assumptions_of(text: str) -> tuple[str, ...]:
    """What must hold for the scheme to stand for the script: where the script loses part of a name."""
    if "##*/" not in text:
        return ()
    return ("no other branch ends in /<branch>: ${…##*/} gives feature/main the tags of main",)
