internal import Glibc

/// What a command tells the person before the terminal, apart from its output.
enum Notices {
    /// Writes a line to standard error.
    static func say(_ text: String) { put(text, STDERR_FILENO) }

    /// Writes a line to standard output, for commands whose output is a few words.
    static func tell(_ text: String) { put(text, STDOUT_FILENO) }

    private static func put(_ text: String, _ descriptor: Int32) {
        // Peers' words are among them, and must not play with the terminal.
        let shown = text.unicodeScalars.map { scalar in
            scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) ? "?" : Character(scalar)
        }
        let line = Array((String(shown) + "\n").utf8)
        // Nothing can be told to whom nothing can be told.
        _ = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }
}
