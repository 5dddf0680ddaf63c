//! The OpenAPI 3.1 document, made from the operations themselves, so that it cannot say anything
//! else than what is served.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::operation::{Errors, Operation};
use crate::problem;

/// A schema of a type, made when the document is.
#[derive(Clone)]
pub(crate) struct SchemaOf {
    content_type: &'static str,
    make: fn(&mut Generators) -> Schema,
    /// Where no type stands behind it.
    literal: Option<Value>,
}

/// Requests and replies differ: a field with a default may be left out of a request, but is in
/// every reply.
pub(crate) struct Generators {
    request: SchemaGenerator,
    reply: SchemaGenerator,
}

impl SchemaOf {
    pub(crate) fn request<T: JsonSchema>(content_type: &'static str) -> Self {
        Self { content_type, make: |g| g.request.subschema_for::<T>(), literal: None }
    }

    pub(crate) fn reply<T: JsonSchema>(content_type: &'static str) -> Self {
        Self { content_type, make: |g| g.reply.subschema_for::<T>(), literal: None }
    }

    pub(crate) fn bytes(content_type: &'static str) -> Self {
        Self::literal(content_type, json!({"type": "string"}))
    }

    /// Bytes that are no text.
    pub(crate) fn file(content_type: &'static str) -> Self {
        Self::literal(content_type, json!({"type": "string", "format": "binary"}))
    }

    pub(crate) fn literal(content_type: &'static str, schema: Value) -> Self {
        Self { content_type, make: |_| Schema::default(), literal: Some(schema) }
    }

    fn value(&self, generators: &mut Generators) -> Value {
        match &self.literal {
            Some(schema) => schema.clone(),
            None => (self.make)(generators).to_value(),
        }
    }

    fn content(&self, generators: &mut Generators) -> Value {
        if self.content_type.is_empty() {
            return json!({});
        }
        json!({ self.content_type: { "schema": self.value(generators) } })
    }
}

/// A body's description: one or more content types.
#[derive(Clone)]
pub(crate) struct BodyDoc {
    pub(crate) schemas: Vec<SchemaOf>,
    pub(crate) required: bool,
    pub(crate) description: &'static str,
}

impl BodyDoc {
    pub(crate) fn of(schema: SchemaOf) -> Self {
        Self { schemas: vec![schema], required: true, description: "" }
    }
}

/// What the document says of an operation.
#[derive(Clone, Default)]
pub(crate) struct Doc {
    pub(crate) summary: &'static str,
    pub(crate) description: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) parameters: Option<SchemaOf>,
    pub(crate) body: Option<BodyDoc>,
    /// Headers that are read.
    pub(crate) headers: Vec<HeaderDoc>,
    /// Replies; several of one status are of different content types.
    pub(crate) replies: Vec<(u16, SchemaOf)>,
    /// What the events of a stream hold.
    pub(crate) event: Option<SchemaOf>,
}

/// What the document says of a header that an operation reads.
#[derive(Clone)]
pub(crate) struct HeaderDoc {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) schema: Value,
}

/// Title, version and a text for the head of the document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) title: &'a str,
    pub(crate) version: &'a str,
    pub(crate) description: &'a str,
}

/// The whole document.
pub(crate) fn document(head: Head<'_>, operations: &[Operation]) -> Value {
    let settings = || {
        SchemaSettings::draft2020_12().with(|s| {
            s.definitions_path = "/components/schemas".into();
            s.meta_schema = None;
        })
    };
    let mut generators = Generators {
        request: settings().into_generator(),
        reply: settings().for_serialize().into_generator(),
    };
    let mut paths = Map::new();
    for operation in operations {
        let described = describe(operation, &mut generators);
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(operation.method.as_str().to_ascii_lowercase(), described);
        }
    }
    let mut schemas = Map::new();
    schemas.insert("Problem".to_owned(), problem::schema());
    schemas.insert("OipError".to_owned(), oip_error());
    for definitions in
        [generators.request.take_definitions(true), generators.reply.take_definitions(true)]
    {
        schemas.extend(definitions);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": head.title,
            "version": head.version,
            "description": head.description,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Needed where the server was started with a file of keys.",
                },
            },
        },
    })
}

fn oip_error() -> Value {
    json!({
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"type": "string"}},
    })
}

fn describe(operation: &Operation, generators: &mut Generators) -> Value {
    let doc = &operation.doc;
    let mut out = json!({
        "operationId": operation.id,
        "summary": doc.summary,
        "tags": [doc.tag],
    });
    if !doc.description.is_empty() {
        out["description"] = json!(doc.description);
    }
    let mut parameters = parameters(operation, generators);
    parameters.extend(doc.headers.iter().map(|header| {
        let HeaderDoc { name, description, schema } = header;
        json!({"name": name, "in": "header", "required": false, "description": description, "schema": schema})
    }));
    if !parameters.is_empty() {
        out["parameters"] = Value::Array(parameters);
    }
    if let Some(body) = &doc.body {
        let mut content = Map::new();
        for schema in &body.schemas {
            if let Value::Object(one) = schema.content(generators) {
                content.extend(one);
            }
        }
        out["requestBody"] = json!({"required": body.required, "content": content});
        if !body.description.is_empty() {
            out["requestBody"]["description"] = json!(body.description);
        }
    }
    out["responses"] = responses(operation, generators);
    if let Some(scope) = operation.scope {
        // An empty alternative: servers without keys ask for none.
        out["security"] = json!([{ "key": [] }, {}]);
        out["x-strata-scope"] = json!(scope.to_string());
    }
    out
}

fn responses(operation: &Operation, generators: &mut Generators) -> Value {
    let mut responses = Map::new();
    for (status, schema) in &operation.doc.replies {
        let reply = responses
            .entry(status.to_string())
            .or_insert_with(|| json!({ "description": reason(*status) }));
        if let Value::Object(content) = schema.content(generators) {
            for (kind, mut described) in content {
                if let Some(event) = &operation.doc.event {
                    // OpenAPI 3.1 has no word for the items of a stream.
                    described["x-strata-event"] = event.value(generators);
                }
                reply["content"][kind] = described;
            }
        }
    }
    let error = match operation.errors {
        Errors::Oip => {
            json!({"application/json": {"schema": {"$ref": "#/components/schemas/OipError"}}})
        }
        Errors::Reason => json!({"application/json": {"schema": {
            "type": "object",
            "required": ["error", "reason"],
            "properties": {"error": {"const": true}, "reason": {"type": "string"}},
        }}}),
        Errors::Details => {
            json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}})
        }
    };
    for status in errors_of(operation) {
        responses
            .entry(status.to_string())
            .or_insert_with(|| json!({"description": reason(status), "content": error}));
    }
    Value::Object(responses)
}

/// Statuses an operation can answer with beside its own.
fn errors_of(operation: &Operation) -> Vec<u16> {
    let mut statuses = vec![400, 429, 500, 503];
    if operation.scope.is_some() {
        statuses.extend([401, 403]);
    }
    if operation.path.contains('{') {
        statuses.extend([404, 409]);
    }
    if operation.doc.parameters.is_some() && operation.errors != Errors::Reason {
        statuses.push(422);
    }
    if operation.doc.body.is_some() {
        statuses.extend([404, 408, 409, 413, 415, 422]);
    }
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "The answer",
        202 => "Taken; the job's address is in Location",
        204 => "Done",
        304 => "The client has it already",
        400 => "The request cannot be read",
        401 => "A key is needed",
        403 => "The key does not allow this",
        404 => "There is no such thing",
        408 => "The body took too long to arrive",
        409 => "The state does not allow this",
        413 => "The request is too large",
        415 => "The content type is not one this operation reads",
        422 => "A value is not usable",
        429 => "Too many requests: Retry-After says when to try again",
        500 => "The server failed",
        503 => "Not now: draining, not ready, or out of time",
        _ => "Other",
    }
}

/// Parameters from the properties of the request type: in the path where the address names them,
/// else in the query.
fn parameters(operation: &Operation, generators: &mut Generators) -> Vec<Value> {
    let Some(schema) = &operation.doc.parameters else { return Vec::new() };
    let mut value = schema.value(generators);
    // A named type is a reference to its definition.
    let name = value.get("$ref").and_then(Value::as_str).and_then(|r| r.rsplit('/').next());
    if let Some(definition) = name.and_then(|name| generators.request.definitions().get(name)) {
        value = definition.clone();
    }
    let required: Vec<&str> = value["required"]
        .as_array()
        .map_or(Vec::new(), |names| names.iter().filter_map(Value::as_str).collect());
    let properties = value["properties"].as_object().cloned().unwrap_or_default();
    let parameter = |(name, mut schema): (String, Value)| {
        let in_path = operation.path.contains(&format!("{{{name}}}"));
        let description =
            schema.as_object_mut().and_then(|s| s.remove("description")).unwrap_or(json!(""));
        // A parameter that may be left out is left out; it has no way to be null.
        if let Some(first) = schema["type"].get(0).cloned() {
            schema["type"] = first;
        }
        let required = in_path || required.contains(&name.as_str());
        json!({
            "name": name,
            "in": if in_path { "path" } else { "query" },
            "required": required,
            "description": description,
            "schema": schema,
        })
    };
    properties.into_iter().map(parameter).collect()
}
