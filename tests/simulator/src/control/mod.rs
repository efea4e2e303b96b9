//! The control face: HTTP by which tests and the demo play the people behind the phones.

mod error;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Path, Request, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::activity::{self, Presence, Typing};
use crate::delivery::{self, Letter};
use crate::device::LinkedDevice;
use crate::faults::Faults;
use crate::pairing;
use crate::phone::book::{ReceivedMessage, WrittenMessage};
use crate::phone::{self, Addressing, Phone};
use crate::traffic::Traffic;
use crate::world::World;
use error::ControlError;

type Answer<T> = Result<Json<T>, ControlError>;

/// Every call there is.
pub(crate) fn router(world: Arc<World>) -> Router {
    Router::new()
        .route("/root", get(root))
        .route("/scan", post(scan))
        .route("/link-code", post(enter_code))
        .route("/messages", post(write))
        .route("/typing", post(type_))
        .route("/presence", post(show_presence))
        .route("/phones", post(set_phone))
        .route("/phones/{number}/messages", get(received))
        .route("/phones/{number}/sent", get(written))
        .route("/unlink", post(unlink))
        .route("/cut", post(cut))
        .route("/replace", post(replace))
        .route("/connections", get(connections))
        .route("/faults", get(show_faults).post(set_faults))
        .fallback(|| async { ControlError::NoSuchCall })
        .with_state(world)
}

/// A JSON body whose refusal is JSON too.
struct Body<T>(T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ControlError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ControlError> {
        let Json(body) = Json::from_request(request, state)
            .await
            .map_err(|rejection: JsonRejection| ControlError::BadBody(rejection.body_text()))?;
        Ok(Self(body))
    }
}

async fn root(State(world): State<Arc<World>>) -> String {
    hex::encode(world.certificates.root())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scan {
    qr: String,
    phone: String,
    name: Option<String>,
}

#[derive(Serialize)]
struct Scanned {
    phone: String,
    jid: String,
    lid: String,
}

impl Scanned {
    fn new(phone: String, device: &LinkedDevice) -> Self {
        Self {
            phone,
            jid: device.jid(Addressing::PhoneNumber).to_string(),
            lid: device.jid(Addressing::Lid).to_string(),
        }
    }
}

async fn scan(State(world): State<Arc<World>>, Body(body): Body<Scan>) -> Answer<Scanned> {
    let device = pairing::scan(&world, &body.qr, &body.phone, body.name.as_deref()).await?;
    Ok(Json(Scanned::new(body.phone, &device)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypedCode {
    code: String,
    phone: String,
    name: Option<String>,
}

async fn enter_code(State(world): State<Arc<World>>, Body(body): Body<TypedCode>) -> Answer<Scanned> {
    let device = pairing::enter_code(&world, &body.code, &body.phone, body.name.as_deref()).await?;
    Ok(Json(Scanned::new(body.phone, &device)))
}

#[derive(Serialize)]
struct Written {
    id: String,
}

async fn write(State(world): State<Arc<World>>, Body(letter): Body<Letter>) -> Answer<Written> {
    let id = delivery::write(&world, &letter).await?;
    Ok(Json(Written { id }))
}

async fn type_(State(world): State<Arc<World>>, Body(body): Body<Typing>) -> Answer<Affected> {
    let devices = activity::show(&world, &body.from, &body.to, |jid| body.stanza(jid), body.lid)?;
    Ok(Json(Affected { devices }))
}

async fn show_presence(State(world): State<Arc<World>>, Body(body): Body<Presence>) -> Answer<Affected> {
    let devices = activity::show(&world, &body.from, &body.to, |jid| body.stanza(jid), body.lid)?;
    Ok(Json(Affected { devices }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PhoneSetting {
    phone: String,
    registered: bool,
}

#[derive(Serialize)]
struct PhoneState {
    phone: String,
    lid: String,
    registered: bool,
}

async fn set_phone(State(world): State<Arc<World>>, Body(body): Body<PhoneSetting>) -> Answer<PhoneState> {
    let phone = find(&world, &body.phone)?;
    phone.set_on_whatsapp(body.registered);
    Ok(Json(PhoneState { phone: body.phone, lid: phone.lid().to_owned(), registered: body.registered }))
}

async fn received(
    State(world): State<Arc<World>>,
    Path(number): Path<String>,
) -> Answer<Vec<ReceivedMessage>> {
    Ok(Json(find(&world, &number)?.received()))
}

async fn written(State(world): State<Arc<World>>, Path(number): Path<String>) -> Answer<Vec<WrittenMessage>> {
    Ok(Json(find(&world, &number)?.written()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    phone: String,
}

#[derive(Serialize)]
struct Affected {
    devices: usize,
}

async fn unlink(State(world): State<Arc<World>>, Body(body): Body<Account>) -> Answer<Affected> {
    let phone = find(&world, &body.phone)?;
    let devices = phone.devices();
    if devices.is_empty() {
        return Err(ControlError::NothingLinked(body.phone));
    }
    for device in &devices {
        phone.unlink(device.id());
        device.expel(true);
    }
    Ok(Json(Affected { devices: devices.len() }))
}

async fn cut(State(world): State<Arc<World>>, Body(body): Body<Account>) -> Answer<Affected> {
    let phone = find(&world, &body.phone)?;
    let devices = phone.devices();
    if devices.is_empty() {
        return Err(ControlError::NothingLinked(body.phone));
    }
    Ok(Json(Affected { devices: devices.iter().filter(|device| device.cut()).count() }))
}

async fn replace(State(world): State<Arc<World>>, Body(body): Body<Account>) -> Answer<Affected> {
    let phone = find(&world, &body.phone)?;
    let devices = phone.devices();
    if devices.is_empty() {
        return Err(ControlError::NothingLinked(body.phone));
    }
    Ok(Json(Affected { devices: devices.iter().filter(|device| device.replace()).count() }))
}

async fn connections(State(world): State<Arc<World>>) -> Json<Traffic> {
    Json(world.traffic())
}

async fn show_faults(State(world): State<Arc<World>>) -> Json<Faults> {
    Json(world.faults.current())
}

async fn set_faults(State(world): State<Arc<World>>, Body(faults): Body<Faults>) -> Json<Faults> {
    world.faults.replace(faults);
    Json(world.faults.current())
}

fn find(world: &World, number: &str) -> Result<Arc<Phone>, ControlError> {
    if phone::is_number(number) { Ok(world.phone(number)?) } else { Err(ControlError::NotANumber) }
}

/// Serves the control face until the listener's task is aborted.
pub(crate) async fn serve(listener: tokio::net::TcpListener, world: Arc<World>) {
    let address: Option<SocketAddr> = listener.local_addr().ok();
    if let Err(error) = axum::serve(listener, router(world)).await {
        tracing::error!(%error, ?address, "the control face stopped");
    }
}
