"""Repositories that clusters follow, and the git program, for tests of promotions."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path


def git(directory: Path, *arguments: str) -> str:
    """What git says."""
    argv = ["git", "-C", str(directory), *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


OLD = "0" * 64
"""Digits of a digest that is nobody's."""
MANIFEST = """\
# é: the deployment
apiVersion: apps/v1
kind: Deployment
metadata:
  name: solo
spec:
  template:
    spec:

      containers:
        - name: solo   # keep
          image:   {registry}/shop/solo:0@sha256:{old}   # why
        - name: other
          image: elsewhere.example/shop/solo:0
"""


class Cluster:
    """A repository that a cluster follows, with its remote and a working copy."""

    def __init__(self, directory: Path, name: str, text: str, more: Mapping[str, str] | None = None) -> None:
        self.remote = directory / f"{name}.git"
        self.copy = directory / name
        self.copy.mkdir()
        git(self.copy, "init", "-q")
        for path, content in {"apps/solo.yaml": text, **(more or {})}.items():
            self.write(path, content)
        git(self.copy, "add", ".")
        git(self.copy, "commit", "-qm", "first")
        git(directory, "clone", "-q", "--bare", str(self.copy), str(self.remote))
        git(self.copy, "remote", "add", "origin", str(self.remote))
        git(self.copy, "push", "-q", "-u", "origin", "main")

    def write(self, path: str, text: str) -> None:
        """Write a file of the working copy."""
        (self.copy / path).parent.mkdir(parents=True, exist_ok=True)
        (self.copy / path).write_text(text)

    @property
    def head(self) -> str:
        """The commit that the remote is at."""
        return git(self.remote, "rev-parse", "main")

    def file(self, path: str = "apps/solo.yaml") -> str:
        """A file as the remote has it, without its last line feed."""
        return git(self.remote, "show", f"main:{path}")
