//! What is answered where no handler is: 405 with `Allow` if the path is known, else 404. The guard makes problems of them.

use crate::http::openapi::ApiDoc;
use actix_web::dev::ResourceDef;
use actix_web::http::header::ALLOW;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use utoipa::OpenApi;
use utoipa::openapi::path::PathItem;

/// Paths beside the described interface; all of them are read.
const PAGES: [&str; 5] = ["/", "/openapi.json", "/docs", "/docs/errors/{code}", "/docs/{page}*"];

/// Every path that has a handler, and the methods that it takes.
pub struct KnownPaths(Vec<(ResourceDef, String)>);

impl KnownPaths {
    /// Those of the description, and the pages.
    #[must_use]
    pub fn new() -> Self {
        let described = ApiDoc::openapi().paths.paths;
        let described = described.iter().map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item)));
        let pages = PAGES.into_iter().map(|path| (ResourceDef::new(path), "GET".to_owned()));
        Self(described.chain(pages).collect())
    }

    /// The methods of a path, as in `Allow`.
    fn methods(&self, path: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.is_match(path)).map(|(_, methods)| methods.as_str())
    }
}

impl Default for KnownPaths {
    fn default() -> Self {
        Self::new()
    }
}

fn methods(item: &PathItem) -> String {
    let all = [("GET", &item.get), ("POST", &item.post), ("PUT", &item.put), ("PATCH", &item.patch), ("DELETE", &item.delete)];
    all.into_iter().filter(|(_, operation)| operation.is_some()).map(|(name, _)| name).collect::<Vec<_>>().join(", ")
}

/// The handler behind all others.
pub async fn answer(known: Data<KnownPaths>, request: HttpRequest) -> HttpResponse {
    match known.methods(request.path()) {
        Some(methods) => HttpResponse::MethodNotAllowed().insert_header((ALLOW, methods)).finish(),
        None => HttpResponse::NotFound().finish(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_knows_its_methods() {
        let known = KnownPaths::new();
        for (path, methods) in [
            ("/", Some("GET")),
            ("/health", Some("GET")),
            ("/docs/swagger-ui.css", Some("GET")),
            ("/api/v1/workflows", Some("GET, POST")),
            ("/api/v1/workflows/a", Some("GET")),
            ("/api/v1/workflows/a/transitions", Some("POST")),
            ("/api/v1/workflows/a/b/c", None),
            ("/api/v1/workflows/", None),
            ("/api/v1", None),
            ("//", None),
        ] {
            assert_eq!(known.methods(path), methods, "{path}");
        }
    }
}
