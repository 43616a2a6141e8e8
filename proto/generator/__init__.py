"""Makes the generated part of the contract: fixed examples, JSON Schemas, AsyncAPI, OpenAPI, vectors, the diagrams."""
