"""Validates Kubernetes manifests against the schemas of Kubernetes, and prints their documents as JSON.

usage: documents.py FILE...; kinds that are no part of Kubernetes itself are read, and not validated.
"""

import json
import sys

import kubernetes_validate
import yaml

found = []
for path in sys.argv[1:]:
    with open(path) as file:
        for document in yaml.safe_load_all(file):
            if document["apiVersion"].split("/")[0] != "opentelemetry.io":
                kubernetes_validate.validate(document, "1.37", strict=True)
            found.append({"file": path, "document": document})
json.dump(found, sys.stdout)
