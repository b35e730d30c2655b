"""Reads an AsyncAPI document: it is YAML of version 3, and all that it refers to is there.

Usage: asyncapi.py FILE.
"""

import sys

import yaml


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        document = yaml.safe_load(file)
    assert document["asyncapi"] == "3.0.0", "another version of AsyncAPI"
    for part in ("info", "servers", "channels", "operations", "components"):
        assert part in document, f"{part} is missing"
    references = list(find(document))
    assert references, "nothing is referred to: is this the right document?"
    for reference in references:
        resolve(document, reference)
    used = {reference for reference in references}
    for name in document["components"]["schemas"]:
        assert f"#/components/schemas/{name}" in used, f"nothing uses the schema {name}"
    print(f"{len(document['components']['messages'])} messages, {len(references)} references")


def find(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from find(value)
    elif isinstance(node, list):
        for value in node:
            yield from find(value)


def resolve(document, reference: str) -> None:
    node = document
    for part in reference.removeprefix("#/").split("/"):
        assert isinstance(node, dict) and part in node, f"{reference} leads nowhere"
        node = node[part]


main()
