//! What a key like Ctrl-C leaves of a program's output: perhaps half a control sequence.
//!
//! The system discards what was written and not read yet, wherever that begins, and echoes the key
//! as `^C` behind the rest (termios(3), `ECHOCTL`). Behind an escape that caret begins a string of
//! which terminals show nothing until it ends, prompts included.

use bytes::Bytes;

/// The keys that signal a program and discard its output: `VINTR`, `VSUSP` and `VQUIT`.
const KEYS: [u8; 3] = [0x03, 0x1a, 0x1c];

/// How they are echoed.
const ECHOES: [&[u8]; 3] = [b"^C", b"^Z", b"^\\"];

/// Ends every sequence that has begun, and nothing else (ECMA-48, `CAN`).
pub(super) const CANCEL: Bytes = Bytes::from_static(b"\x18");

/// Whether one of the keys is among what was typed.
pub(super) fn interrupts(typed: &[u8]) -> bool {
    typed.iter().any(|byte| KEYS.contains(byte))
}

/// Whether `output` begins with the echo of one of the keys.
pub(super) fn is_echo(output: &[u8]) -> bool {
    ECHOES.iter().any(|echo| output.starts_with(echo))
}

/// Cuts `output` before whatever looks like such an echo.
pub(super) fn cut(output: &Bytes) -> Vec<Bytes> {
    let carets = memchr::memchr_iter(b'^', output);
    let echoes = carets.filter(|at| output.get(*at..).is_some_and(is_echo));
    let mut from = 0;
    let pieces = echoes.chain([output.len()]).map(|to| {
        let piece = output.slice(from..to);
        from = to;
        piece
    });
    pieces.filter(|piece| !piece.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_cut_before_echoes_and_nowhere_else() {
        let pieces = |output: &'static [u8]| cut(&Bytes::from_static(output));
        assert_eq!(pieces(b"a^b^"), [&b"a^b^"[..]]);
        assert_eq!(pieces(b"^C"), [&b"^C"[..]]);
        assert_eq!(
            pieces(b"one\x1b^C\r\n^two^Z^\\"),
            [&b"one\x1b"[..], b"^C\r\n^two", b"^Z", b"^\\"]
        );
    }
}
