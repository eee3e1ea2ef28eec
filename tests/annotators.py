"""Export tasks that an annotator has accepted, in the form that each tool's own code writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Change = Callable[[list[Any]], None]  # what an annotator corrects: changes the names of one task


def _nothing(names: list[Any]) -> None:
    return


def label_studio(content: bytes, change: Change = _nothing) -> bytes:
    """The export JSON: tasks with ids, and the predictions submitted as annotations."""
    tasks = json.loads(content)
    for number, task in enumerate(tasks, 1):
        result = json.loads(json.dumps(task["predictions"][0]["result"]))
        for region in result:
            region["origin"] = "prediction"
        change(result)
        annotation = {"id": number, "completed_by": 1, "result": result, "was_cancelled": False}
        task |= {"id": number, "annotations": [annotation], "drafts": [], "meta": {}, "project": 1}
    return json.dumps(tasks, ensure_ascii=False).encode()


def label_studio_min(content: bytes, change: Change = _nothing) -> bytes:
    """The export JSON_MIN: the task's data beside the names, whose key is left out if there are none."""
    records = []
    for task in json.loads(label_studio(content, change)):
        names = [region["value"] for region in task["annotations"][0]["result"]]
        record = {**task["data"], "id": task["id"]} | ({"label": names} if names else {})
        records.append({**record, "annotator": 1, "annotation_id": task["id"], "lead_time": 1.5})
    return json.dumps(records, indent=2).encode()


def prodigy(content: bytes, change: Change = _nothing) -> bytes:
    """The output of `db-out`."""
    records = [json.loads(line) for line in content.splitlines()]
    for record in records:
        change(record["spans"])
        record |= {"_input_hash": 1, "_task_hash": 2, "_view_id": "ner_manual", "_is_binary": False}
        record["answer"] = "accept"
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def doccano(content: bytes, change: Change = _nothing) -> bytes:
    """The export JSONL: an id of its own, and beside the text all that it does not know."""
    lines = []
    for number, line in enumerate(content.splitlines(), 1):
        record = json.loads(line)
        names = record.pop("label")
        change(names)
        record = {"id": number, "text": record.pop("text"), **record, "label": sorted(names), "Comments": []}
        lines.append(json.dumps(record, ensure_ascii=False) + "\n")
    return "".join(lines).encode()


EXPORTS: dict[str, tuple[str, Callable[..., bytes]]] = {
    "label-studio": ("label-studio", label_studio),
    "label-studio, JSON_MIN": ("label-studio", label_studio_min),
    "prodigy": ("prodigy", prodigy),
    "doccano": ("doccano", doccano),
}
