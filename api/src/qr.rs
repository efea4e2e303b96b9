//! Draws a QR: for a page (PNG, SVG) and for a terminal (text).

use qrcode::render::svg;
use qrcode::render::unicode::Dense1x2;
use qrcode::{Color, EcLevel, QrCode};

use crate::error::ApiError;

/// How many light modules are around it: phones need four.
const QUIET: usize = 4;
/// The side of a module, in pixels.
const SCALE: usize = 8;

/// A QR that can be drawn.
pub struct Drawing(QrCode);

impl Drawing {
    /// The QR of a string. The lowest error correction: a screen is not torn, and large modules scan from further away.
    pub fn of(text: &str) -> Result<Self, ApiError> {
        // The string is a secret; what the library says of it is not told.
        let code = QrCode::with_error_correction_level(text, EcLevel::L);
        code.map(Self).map_err(|_| ApiError::internal("a QR cannot hold what WhatsApp issued"))
    }

    /// As a picture in black and white.
    pub fn png(&self) -> Result<Vec<u8>, ApiError> {
        let side = (self.0.width() + 2 * QUIET) * SCALE;
        let row = |y: usize| {
            let pixels = (0..side.next_multiple_of(8)).map(move |x| self.is_light(x / SCALE, y / SCALE));
            pixels.collect::<Vec<_>>().chunks(8).map(packed).collect::<Vec<_>>()
        };
        let pixels: Vec<u8> = (0..side).flat_map(row).collect();
        write_png(side, &pixels).map_err(|error| ApiError::internal(format!("a QR cannot be drawn: {error}")))
    }

    /// As a drawing that scales.
    #[must_use]
    pub fn svg(&self) -> String {
        self.0.render::<svg::Color<'_>>().build()
    }

    /// As text, two modules a character. Light modules are drawn, for terminals are dark.
    #[must_use]
    pub fn text(&self) -> String {
        let renderer = &mut self.0.render::<Dense1x2>();
        renderer.dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build() + "\n"
    }

    /// What is outside of it is light.
    fn is_light(&self, x: usize, y: usize) -> bool {
        let inside = |at: usize| at.checked_sub(QUIET).filter(|at| *at < self.0.width());
        inside(x).zip(inside(y)).is_none_or(|at| self.0[at] == Color::Light)
    }
}

/// Eight pixels, the first in the highest bit.
fn packed(pixels: &[bool]) -> u8 {
    pixels.iter().fold(0, |byte, light| (byte << 1) | u8::from(*light))
}

fn write_png(side: usize, pixels: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = vec![];
    // No version of the symbol is so large that its side does not fit.
    let side = u32::try_from(side).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_is_large_enough_and_has_its_quiet_zone() {
        let drawing = Drawing::of("2@abc").unwrap();
        let side = (21 + 2 * QUIET) * SCALE;
        let png = drawing.png().unwrap();
        assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
        assert_eq!(png[16..20], u32::try_from(side).unwrap().to_be_bytes());
        assert!(drawing.svg().contains(&format!("width=\"{side}\"")));
        let text = drawing.text();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), (21 + 2 * QUIET).div_ceil(2));
        assert!(lines.iter().all(|line| line.chars().count() == 21 + 2 * QUIET));
        assert_eq!(lines[0], "█".repeat(21 + 2 * QUIET));
    }

    #[test]
    fn what_no_qr_can_hold_is_refused_without_repeating_it() {
        let error = Drawing::of(&"2@secret".repeat(1000)).err().unwrap();
        assert!(!format!("{error:?}").contains("secret"));
    }
}
