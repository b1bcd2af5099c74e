"""What registries say when they refuse, and what it means: one table, in the order it is asked.

Registries share status codes but not their meaning, so the words decide. Every row was taken from a
registry's source or from reports of its users; the registry is named in the comment of its block.
"""

from __future__ import annotations

from dataclasses import dataclass

from shipway.errors import Denied, Mismatch, NotFound, RateLimited, RegistryError, TlsFailed, Unauthorized


@dataclass(frozen=True, slots=True)
class Wording:
    """A refusal that is recognised: ``statuses`` (empty: any), a lower-case part of the body (``*``: anything
    between), maybe a part of the registry's name.

    ``reason`` is as in ``RegistryError``. ``cause`` and ``help`` may use ``{registry}``, ``{repository}``,
    ``{name}`` (both) and ``{owner}`` (the first component of the repository).
    """

    statuses: tuple[int, ...]
    part: str
    error: type[RegistryError]
    reason: str
    cause: str
    help: str
    host: str = ""

    def fits(self, status: int, text: str, registry: str) -> bool:
        return (
            (not self.statuses or status in self.statuses)
            and all(part in text for part in self.part.split("*"))
            and (not self.host or self.host in registry)
        )


_LOGIN = "log in: docker login {registry} (or buildah login {registry})"
_TLS = (
    "put its authority into /etc/containers/certs.d/{registry}/ca.crt, and remove plain-http from"
    " its entry under registries in shipway.yaml, if there is one"
)
_GHCR_ACCESS = (
    "in the package's settings on GitHub, under Manage Actions access, add the repository with the role Write"
)

WORDINGS = (
    # nginx, Go's net/http: plain HTTP sent to a TLS port
    Wording(
        (400,),
        "http request to an https server",
        TlsFailed,
        "tls-server",
        "{registry} speaks TLS and was spoken to over plain HTTP",
        _TLS,
    ),
    Wording(
        (400,),
        "sent to https port",
        TlsFailed,
        "tls-server",
        "{registry} speaks TLS and was spoken to over plain HTTP",
        _TLS,
    ),
    Wording(
        (400,),
        "header or cookie too large",
        Denied,
        "refused",
        "the token names so many repositories that a proxy in front of the registry refuses its size",
        "raise large_client_header_buffers of the proxy in front of {registry}",
    ),
    # GHCR
    Wording(
        (401, 403),
        "permission_denied: write_package",
        Denied,
        "no-right",
        "the workflow's repository has no write access to this package, which exists already",
        _GHCR_ACCESS,
    ),
    Wording(
        (401, 403),
        "not allowed to create organization package",
        Denied,
        "token-scope",
        "the token lacks packages: write, or the organisation forbids creating packages",
        "add 'permissions: {{packages: write}}' to the workflow, and look at the package settings of {owner}",
    ),
    Wording(
        (401, 403),
        "not allowed to write organization package",
        Denied,
        "token-scope",
        "the token lacks packages: write, or it is the token of a GitHub App, which may not write packages",
        "add 'permissions: {{packages: write}}' to the workflow and log in with GITHUB_TOKEN",
    ),
    Wording(
        (401, 403),
        "does not match expected scopes",
        Denied,
        "token-scope",
        "the personal access token lacks the scope write:packages",
        "create a classic token with write:packages, then " + _LOGIN,
    ),
    Wording(
        (403, 429),
        "secondary rate limit",
        RateLimited,
        "rate-limit",
        "GitHub's secondary rate limit, which is no lack of rights",
        "wait some minutes, then run it again with fewer images at once",
    ),
    # Harbor
    Wording(
        (403,),
        "quota exceeded",
        Denied,
        "quota",
        "the storage quota of the Harbor project {owner} is used up",
        "raise the quota of {owner} under Administration, Project Quotas, or remove old tags there",
    ),
    Wording(
        (403,),
        "can not push artifact to a proxy project",
        Denied,
        "read-only",
        "the Harbor project {owner} is a proxy cache, which takes no pushes",
        "push to an ordinary project",
    ),
    Wording(
        (401, 404),
        "project *not found",
        NotFound,
        "missing-repository",
        "Harbor does not create projects on push, and {owner} does not exist",
        "create the project {owner} on https://{registry}",
    ),
    Wording(
        (412,),
        "configured as immutable",
        Denied,
        "immutable-tag",
        "an immutability rule of the project protects this tag",
        "choose a tag that was never pushed, or change the rule of {owner}",
    ),
    Wording(
        (412,),
        "",
        Denied,
        "refused",
        "a policy of the registry forbids it",
        "ask who administers {registry} for the policies of {owner}",
    ),
    Wording(
        (403,),
        "csrf",
        Denied,
        "refused",
        "the registry takes the request for one of a browser, as Harbor does when a proxy adds cookies",
        "take the cookies out of the proxy in front of {registry}",
    ),
    # Harbor, Quay, others in maintenance
    Wording(
        (401, 403, 405, 503),
        "read only mode",
        Denied,
        "read-only",
        "the registry is in read-only mode",
        "wait for the end of its maintenance",
    ),
    Wording(
        (401, 403, 405, 503),
        "currently read-only",
        Denied,
        "read-only",
        "the registry is in read-only mode",
        "wait for the end of its maintenance",
    ),
    # ECR
    Wording(
        (400, 404),
        "the repository with name",
        NotFound,
        "missing-repository",
        "ECR does not create repositories on push",
        "create it: aws ecr create-repository --repository-name {repository}",
        host=".dkr.ecr.",
    ),
    Wording(
        (400, 403),
        "tag is immutable",
        Denied,
        "immutable-tag",
        "the repository has immutable tags and this one was pushed before",
        "choose a new tag, or: aws ecr put-image-tag-mutability --repository-name {repository}"
        " --image-tag-mutability MUTABLE",
    ),
    Wording(
        (400, 403),
        "imagetagalreadyexists",
        Denied,
        "immutable-tag",
        "the repository has immutable tags and this one was pushed before",
        "choose a new tag, or: aws ecr put-image-tag-mutability --repository-name {repository}"
        " --image-tag-mutability MUTABLE",
    ),
    Wording(
        (401, 403),
        "authorization token has expired",
        Unauthorized,
        "expired-credentials",
        "passwords of ECR live for twelve hours, and this one is older",
        "aws ecr get-login-password | docker login --username AWS --password-stdin {registry}",
    ),
    Wording(
        (401, 403),
        "no basic auth credentials",
        Unauthorized,
        "no-credentials",
        "ECR wants a password that is made for twelve hours",
        "aws ecr get-login-password | docker login --username AWS --password-stdin {registry}",
    ),
    # Docker Hub
    Wording(
        (401, 403),
        "requested access to the resource is denied",
        Denied,
        "no-right",
        "{repository} does not exist, or the account may not write there",
        "log in as its owner: docker login {registry} ({owner} has to be an account you may write to)",
        host="docker.io",
    ),
    Wording(
        (429,),
        "pull rate limit",
        RateLimited,
        "rate-limit",
        "Docker Hub's limit of pulls for this address or account",
        "log in, which raises the limit: docker login",
    ),
    # Quay.io
    Wording(
        (401, 403),
        "robot",
        Denied,
        "no-right",
        "the robot account may not do this here; robots of Quay often cannot create repositories",
        "create {repository} on {registry} and give the robot the role Write",
        host="quay.io",
    ),
    # GAR, GCR
    Wording(
        (403, 404),
        "artifactregistry.repositories",
        Denied,
        "no-right",
        "the account has no role on this Artifact Registry repository, or the repository does not exist",
        "grant roles/artifactregistry.writer, or: gcloud artifacts repositories create",
    ),
    # distribution, zot and every registry with their error codes
    Wording(
        (),
        "toomanyrequests",
        RateLimited,
        "rate-limit",
        "too many requests from this address or account",
        "wait, log in if you are not, then run it again",
    ),
    Wording(
        (400,),
        "digest_invalid",
        Mismatch,
        "refused",
        "what arrived is not what was sent: a proxy in between changes or cuts content",
        "run it again; if it stays, push without the proxy",
    ),
    Wording(
        (400, 404),
        "manifest_blob_unknown",
        NotFound,
        "missing",
        "the registry lacks a blob that the manifest names; its garbage collection may have taken it",
        "run it again: what is missing is uploaded once more",
    ),
)
