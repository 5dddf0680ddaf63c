"""Versions of packages, and how many megabytes each takes on the disk with all it depends on.

Usage: python installed.py PACKAGE…
Prints {"versions": {PACKAGE: VERSION}, "disk_mb": {PACKAGE: MEGABYTES}}; a package that is not installed is left out.
"""
import importlib.metadata as metadata
import json
import os
import sys

from pip._vendor.packaging.requirements import Requirement


def needed(name, seen):
    """Adds the package and what it depends on, without extras."""
    try:
        package = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return
    key = package.metadata["Name"].lower().replace("_", "-")
    if key in seen:
        return
    seen[key] = package
    for text in package.requires or []:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            needed(requirement.name, seen)


def size(package):
    total = 0
    for file in package.files or []:
        path = package.locate_file(file)
        if os.path.isfile(path):
            total += os.path.getsize(path)
    return total


def main():
    versions, sizes = {}, {}
    for name in sys.argv[1:]:
        packages = {}
        needed(name, packages)
        if packages:
            versions[name] = metadata.version(name)
            sizes[name] = round(sum(map(size, packages.values())) / 1e6, 1)
    versions["python"] = sys.version.split()[0]
    print(json.dumps({"versions": versions, "disk_mb": sizes}))


if __name__ == "__main__":
    main()
