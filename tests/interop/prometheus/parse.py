"""Reads an exposition on standard input and prints what its official parser sees, as JSON: parse.py text|openmetrics"""
import json
import math
import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser

families = {
    "text": parser.text_string_to_metric_families,
    "openmetrics": openmetrics_parser.text_string_to_metric_families,
}[sys.argv[1]]


def plain(number):
    """JSON has no infinity."""
    return number if math.isfinite(number) else repr(number)


found = []
for family in families(sys.stdin.read()):
    for sample in family.samples:
        exemplar = sample.exemplar and [sample.exemplar.labels, plain(sample.exemplar.value)]
        found.append({
            "family": family.name,
            "type": family.type,
            "unit": family.unit,
            "help": family.documentation,
            "name": sample.name,
            "labels": sample.labels,
            "value": plain(sample.value),
            "exemplar": exemplar or None,
        })
json.dump(found, sys.stdout)
