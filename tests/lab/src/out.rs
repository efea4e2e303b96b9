//! The one place that writes to the terminal.

use std::io::Write;

/// Writes a line for the person at the terminal. A closed terminal is no error of ours.
pub fn line(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Writes the heading of a step.
pub fn step(number: u32, text: &str) {
    line(format_args!("\n── {number}. {text}"));
}

/// Draws a QR as WhatsApp's phones scan it, two modules a character.
pub fn qr(code: &str) -> Result<(), qrcode::types::QrError> {
    let code = qrcode::QrCode::with_error_correction_level(code, qrcode::EcLevel::L)?;
    line(code.render::<qrcode::render::unicode::Dense1x2>().quiet_zone(true).build());
    Ok(())
}
