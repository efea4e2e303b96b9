//! The QR of a channel, in every form it is shown in: read back as a phone's camera would.

use reqwest::Method;
use reqwest::header::HeaderMap;
use rqrr::PreparedImage;
use serde_json::json;

use super::server::{ACCOUNT, Server};
use crate::support::api::{Api, fields};

const PATH: &str = "/v1/channels/shop/qr";

/// What a phone reads from a picture of this size.
fn scanned(side: usize, is_dark: impl Fn(usize, usize) -> bool) -> String {
    let shade = |x, y| if is_dark(x, y) { 0 } else { 255 };
    let mut picture = PreparedImage::prepare_from_greyscale(side, side, shade);
    let grids = picture.detect_grids();
    assert_eq!(grids.len(), 1, "one QR in a picture of {side} by {side}");
    grids[0].decode().unwrap().1
}

fn scanned_png(file: &[u8]) -> String {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((frame.color_type, frame.width), (png::ColorType::Grayscale, frame.height));
    let side = frame.width as usize;
    scanned(side, |x, y| pixels[y * side + x] == 0)
}

/// Paints the squares of the path, which are all there is in the drawing: `M{x} {y}h{width}v{height}H…V…`.
fn scanned_svg(file: &str) -> String {
    let number = |text: &str| text.parse::<usize>().unwrap();
    let side = number(file.split("width=\"").nth(1).unwrap().split('"').next().unwrap());
    let mut dark = vec![false; side * side];
    let path = file.split(" d=\"").nth(1).unwrap().split('"').next().unwrap();
    for square in path.split('M').skip(1) {
        let fields: Vec<_> =
            square.split(|c: char| !c.is_ascii_digit()).filter(|text| !text.is_empty()).collect();
        let [left, top, width, height] = [0, 1, 2, 3].map(|at| number(fields[at]));
        for y in top..top + height {
            dark[y * side + left..][..width].fill(true);
        }
    }
    scanned(side, |x, y| dark[y * side + x])
}

/// Two modules a character, light ones drawn; each blown up to four pixels.
pub fn scanned_text(text: &str) -> String {
    let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
    let side = lines[0].len();
    scanned(side * 4, |x, y| {
        let character = lines[y / 8][x / 4];
        let upper = (y / 4) % 2 == 0;
        !(character == '█' || character == if upper { '▀' } else { '▄' })
    })
}

async fn shown(api: &Api, query: &str, accept: &str) -> (HeaderMap, Vec<u8>) {
    let url = format!("{}{PATH}{query}", api.url);
    let request = api.http.get(url).bearer_auth(api.key.as_deref().unwrap()).header("Accept", accept);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    (answer.headers().clone(), answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn every_drawing_of_a_qr_scans_as_the_string_that_links_the_channel() {
    let server = Server::start().await;
    let api = &server.api;
    api.post("/v1/channels", json!({"name": "shop"})).await.expect(201);
    let connected = api.post("/v1/channels/shop/connect", json!({})).await.expect(200)["data"].clone();

    let json = api.get(PATH).await;
    assert_eq!(json.header("cache-control"), "no-store");
    let json = json.expect(200)["data"].clone();
    assert_eq!((&json["qr"], &json["channel_id"]), (&connected["qr"], &connected["channel"]["id"]));
    assert_eq!(json["expires_at"], connected["expires_at"]);
    let code = json["qr"].as_str().unwrap();

    for (query, accept, content_type) in [
        ("?format=png", "*/*", "image/png"),
        ("", "image/png", "image/png"),
        ("?format=svg", "image/png", "image/svg+xml"),
        ("", "image/svg+xml", "image/svg+xml"),
        ("?format=text", "*/*", "text/plain; charset=utf-8"),
        ("", "text/plain", "text/plain; charset=utf-8"),
    ] {
        let (headers, body) = shown(api, query, accept).await;
        assert_eq!(headers["content-type"], content_type, "{query} {accept}");
        assert_eq!(headers["cache-control"], "no-store");
        let read = match content_type {
            "image/png" => scanned_png(&body),
            "image/svg+xml" => scanned_svg(std::str::from_utf8(&body).unwrap()),
            _ => scanned_text(std::str::from_utf8(&body).unwrap()),
        };
        assert_eq!(read, code, "{query} {accept}");
    }

    let read = scanned_png(&shown(api, "?format=png", "*/*").await.1);
    let scan = json!({"qr": read, "phone": ACCOUNT, "name": "Shop"});
    let (status, told) = server.phones.post("/scan", scan).await;
    assert!(status.is_success(), "{told}");
    api.until_status("shop", "open").await;
    let error = api.get(PATH).await.refused(409, "CONFLICT");
    assert!(error["error"]["message"].as_str().unwrap().contains("the channel is open"), "{error}");
}

#[tokio::test]
async fn there_is_no_qr_of_what_nobody_connects_or_of_a_format_nobody_knows() {
    let server = Server::start().await;
    let api = &server.api;
    api.get(PATH).await.refused(404, "NOT_FOUND");
    api.post("/v1/channels", json!({"name": "shop"})).await.expect(201);
    let error = api.get(PATH).await.refused(409, "CONFLICT");
    assert!(error["error"]["message"].as_str().unwrap().contains("connect it first"), "{error}");
    for (query, wrong) in [("?format=gif", "format"), ("?format=", "format"), ("?size=3", "size")] {
        let error = api.get(&format!("{PATH}{query}")).await.refused(422, "VALIDATION_ERROR");
        assert_eq!(fields(&error), [wrong]);
    }
    let wanted = api.call(Method::GET, PATH, &[("Accept", "image/png")], None::<&str>).await;
    wanted.refused(409, "CONFLICT");
}
