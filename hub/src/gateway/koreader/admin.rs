//! What people and the command ask: books, history, titles, joins, settings, device passwords;
//! registration and imports for admins. Mounted under `/hub/v1/gateways/koreader`, where each
//! request carries who asks.

mod answer;
mod books;
mod devices;
mod imports;
mod people;

use axum::Router;
use axum::routing::{delete, get, post, put};

use crate::hub::Hub;

pub(super) fn router() -> Router<Hub> {
    Router::new()
        .route("/", get(people::overview))
        .route("/registration", put(people::set_registration))
        .route("/accounts", get(people::accounts).post(people::add_account))
        .route("/settings", get(people::settings).put(people::set_settings))
        .route("/books", get(books::list))
        .route("/books/{document}", get(books::show).delete(books::remove))
        .route("/books/{document}/history", get(books::history))
        .route("/books/{document}/title", put(books::set_title))
        .route("/books/{document}/restore", post(books::restore))
        .route("/books/{document}/restart", post(books::restart))
        .route("/joins", post(books::join))
        .route("/joins/{document}", delete(books::split))
        .route("/devices", get(devices::list))
        .route("/passwords", get(devices::passwords).post(devices::add_password))
        .route("/passwords/{id}", delete(devices::remove_password))
        .route("/import", post(imports::import))
}
