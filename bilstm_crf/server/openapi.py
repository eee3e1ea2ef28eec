"""The description of the server for programs: https://spec.openapis.org/oas/v3.1.0."""

from __future__ import annotations

from typing import Any

from bilstm_crf.inference.decoding import MAX_NBEST
from bilstm_crf.server.files import MEDIA_TYPES, SOURCES
from bilstm_crf.server.settings import Settings
from bilstm_crf.version import __version__

Object = dict[str, Any]

ABOUT = (
    "Finds named entities in Norwegian text. Offsets count Unicode code points from 0, as Python's slices "
    "do; with `utf16` there are also those of UTF-16 code units, as JavaScript, Java and C# count. Nothing "
    "that is sent is logged or kept."
)
PROBABILITY: Object = {"type": "number", "minimum": 0, "maximum": 1}
OFFSET: Object = {"type": "integer", "minimum": 0}
STRING: Object = {"type": "string"}
# Not a surrogate, which no UTF-8 can hold; and for words, something that is seen
WORD: Object = {"type": "string", "minLength": 1, "pattern": r"\S"}
OPTIONS: dict[str, tuple[Object, str]] = {
    "scores": ({"type": "boolean"}, "Give the probability of each name."),
    "min_score": (PROBABILITY, "Leave out names that are less probable."),
    "recall": (PROBABILITY, "Add names that are at least this probable, though the best labels lack them."),
    "nbest": (
        {"type": "integer", "minimum": 1, "maximum": MAX_NBEST},
        "Add so many ways to label each sentence; in a file only with to=jsonl.",
    ),
}


def openapi(settings: Settings, models: list[str]) -> Object:
    """Return the document for a server with these models."""
    document: Object = {
        "openapi": "3.1.0",
        "info": {"title": "bilstm_crf", "version": __version__, "description": ABOUT},
        "paths": {
            "/v1/tag": {"post": _tag(settings, models)},
            "/v1/convert": {"post": _convert(settings)},
            "/v1/models": {"get": _get("List the models; the first is the default.", _json(_ref("Models")))},
            "/health": {"get": _get("Say whether the server is up.", _json(_ref("Health")), secured=False)},
            "/metrics": {"get": _get("Show metrics for Prometheus.", {"text/plain": {"schema": STRING}})},
            "/openapi.json": {"get": _get("Describe the server.", _json({"type": "object"}))},
        },
        "components": {"schemas": _schemas(models)},
    }
    if settings.token is not None:
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
        for path in document["paths"].values():
            for operation in path.values():
                if "security" not in operation:
                    operation["responses"]["401"] = _problem("No token, or a wrong one.")
    return document


def _tag(settings: Settings, models: list[str]) -> Object:
    file: Object = {"schema": STRING}
    return {
        "operationId": "tag",
        "summary": "Tag texts or words, or a file while it arrives.",
        "description": (
            "JSON gives JSON; its options are in its body, and the address has none. A file in CoNLL-U comes "
            "back byte for byte with new labels, text as JSONL with offsets, unless `to` says otherwise. If "
            "a later part of a file is ill-formed, the connection is broken off."
        ),
        "parameters": [
            _parameter("model", {"type": "string", "enum": models}, "Files: the name of a model."),
            *(_parameter(name, schema, f"Files: {help_}") for name, (schema, help_) in OPTIONS.items()),
            _parameter(
                "to", {"type": "string", "enum": list(MEDIA_TYPES)}, "Files: the format of the answer."
            ),
            _parameter("name", STRING, "Files: the name of the file, for answers that show it."),
            _parameter("misc_key", {"type": "string", "minLength": 1}, "CoNLL-U: key of the label in MISC."),
            _parameter(
                "sentences",
                {"type": "string", "enum": ["line", "detect"]},
                "Text: a sentence a line, or not.",
            ),
        ],
        "requestBody": {
            "required": True,
            "content": {**_json(_ref("TagRequest")), **dict.fromkeys(SOURCES, file)},
        },
        "responses": {
            "200": {
                "description": "The names.",
                "content": {
                    **_json(_ref("TagAnswer")),
                    **{kind.partition(";")[0]: {} for kind in MEDIA_TYPES.values()},
                },
            },
            "404": _problem("No such model."),
            **_refusals(settings.max_body, settings.max_stream),
            "505": _problem("A file over HTTP/1.0, where half an answer would look like a whole one."),
        },
    }


def _convert(settings: Settings) -> Object:
    return {
        "operationId": "convert",
        "summary": "Write annotation, such as corrections, in another format.",
        "parameters": [
            _parameter("to", {"type": "string", "enum": list(MEDIA_TYPES)}, "The format of the answer."),
        ],
        "requestBody": {"required": True, "content": _json(_ref("Annotation"))},
        "responses": {
            "200": {
                "description": "The file.",
                "content": {kind.partition(";")[0]: {} for kind in MEDIA_TYPES.values()},
            },
            **_refusals(settings.max_annotation, settings.max_annotation),
        },
    }


def _get(summary: str, content: Object, *, secured: bool = True) -> Object:
    found: Object = {
        "summary": summary,
        "responses": {"200": {"description": summary, "content": content}},
    }
    return found if secured else {**found, "security": []}


def _refusals(max_body: int, max_stream: int) -> Object:
    return {
        "400": _problem("Something in the request is not what it should be; the message says what."),
        "403": _problem("A page of another site asks, and there is no token."),
        "408": _problem("The body did not come in time."),
        "413": _problem(f"More than {max_body:,} bytes of JSON, or {max_stream:,} of a file."),
        "415": _problem("Another Content-Type than the ones above."),
        "503": _problem("Too many requests wait; see Retry-After."),
    }


def _problem(description: str) -> Object:
    return {"description": description, "content": _json(_ref("Problem"))}


def _parameter(name: str, schema: Object, description: str) -> Object:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _json(schema: Object) -> Object:
    return {"application/json": {"schema": schema}}


def _ref(name: str) -> Object:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(items: Object) -> Object:
    return {"type": "array", "items": items}


def _object(required: tuple[str, ...], closed: bool = True, **properties: Object) -> Object:
    found: Object = {"type": "object", "properties": properties, "required": list(required)}
    return {**found, "additionalProperties": False} if closed else found


def _schemas(models: list[str]) -> Object:
    return {
        "TagRequest": _tag_request(models),
        "TagAnswer": _object(
            ("model", "results"),
            model={"type": "string", "enum": models},
            results={**_list(_ref("Result")), "description": "One for each text, or sentence of words."},
        ),
        "Result": _object(
            ("entities",),
            entities=_list(_ref("Entity")),
            sentences={**_list(_ref("Sentence")), "description": "Of a text, with nbest."},
            alternatives={**_list(_ref("Alternative")), "description": "Of words, with nbest."},
        ),
        **_entity_schemas(),
        "Models": _object(("models",), models=_list(_ref("Model"))),
        "Model": _object(
            ("name", "entity_types", "label_set", "encoding", "reads_neighbours"),
            name=STRING,
            entity_types=_list(STRING),
            label_set=STRING,
            encoding=STRING,
            reads_neighbours={"type": "boolean"},
        ),
        "Health": _object(("status", "version"), status={"const": "ok"}, version=STRING),
        "Problem": _object(
            ("error",),
            error=_object(
                ("status", "message"),
                status={"type": "integer"},
                message=STRING,
                hint=STRING,
                line={"type": "integer", "description": "Of a file, from 1."},
            ),
        ),
        **_annotation(),
    }


def _entity_schemas() -> Object:
    offsets: Object = {"start": OFFSET, "start_utf16": OFFSET, "end_utf16": OFFSET}
    return {
        "Entity": {"oneOf": [_ref("TextEntity"), _ref("WordEntity")]},
        "TextEntity": _object(
            ("text", "label", "start", "end"),
            text=STRING,
            label=STRING,
            score=PROBABILITY,
            end={**OFFSET, "description": "Behind the last character."},
            **offsets,
        ),
        "WordEntity": _object(
            ("text", "label", "start_token", "end_token"),
            text=STRING,
            label=STRING,
            score=PROBABILITY,
            start_token=OFFSET,
            end_token={**OFFSET, "description": "Behind the last token."},
        ),
        "Sentence": _object(
            ("start", "end", "alternatives"),
            end=OFFSET,
            **offsets,
            alternatives=_list(_ref("Alternative")),
        ),
        "Alternative": _object(
            ("probability", "entities"), probability=PROBABILITY, entities=_list(_ref("Entity"))
        ),
    }


def _tag_request(models: list[str]) -> Object:
    words = {"anyOf": [_list(WORD), _list(_list(WORD))], "description": "Of one sentence, or of several."}
    options: Object = {
        "model": {"type": "string", "enum": models},
        **{name: {**schema, "description": help_} for name, (schema, help_) in OPTIONS.items()},
        "consistent": {
            "type": "boolean",
            "description": "Let unsure bare names follow the full names of their text.  [true for texts]",
        },
        "utf16": {"type": "boolean", "description": "Add offsets in UTF-16 code units."},
    }
    options["scores"] = {**options["scores"], "default": True}
    inputs: Object = {"text": STRING, "texts": _list(STRING), "tokens": words}
    return {
        "type": "object",
        "properties": {**inputs, **options},
        "additionalProperties": False,
        "oneOf": [{"required": [name]} for name in inputs],
        "example": {"text": "Kari Nordmann flytta til Bergen."},
    }


def _annotation() -> Object:
    pair = {**_list(OFFSET), "minItems": 2, "maxItems": 2}
    return {
        "Annotation": _object((), files=_list(_ref("AnnotatedFile"))),
        "AnnotatedFile": _object((), name=STRING, sentences=_list(_ref("AnnotatedSentence"))),
        "AnnotatedSentence": _object(
            (),
            text=STRING,
            tokens={**_list(pair), "description": "Start and end of each token in the text, in order."},
            entities=_list(_ref("Annotated")),
            before={**STRING, "description": "What the text has before the sentence: white space."},
            after=STRING,
            start={**OFFSET, "description": "Of the sentence in the file, if that is a text."},
            line=OFFSET,
            document=STRING,
            id=STRING,
        ),
        "Annotated": _object(
            ("start", "end", "label"),
            start={**OFFSET, "description": "In the sentence's text, where a token begins."},
            end=OFFSET,
            label=STRING,
            score={**PROBABILITY, "type": ["number", "null"]},
        ),
    }
