import Bytes

/// What waits for a connection whose socket is full. Bounded by its user.
struct OutputBuffer {
    /// A piece of output: a command or more, of which several connections may share the bytes.
    struct Piece {
        let bytes: SharedBytes
        /// Where it begins in `bytes`.
        let offset: Int
        let commands: Int
    }

    private var pieces: [Piece] = []
    private var first = 0
    /// The commands that wait.
    private(set) var count = 0
    /// The bytes that wait.
    private(set) var byteCount = 0

    var isEmpty: Bool { first == pieces.count }

    mutating func append(_ piece: Piece) {
        pieces.append(piece)
        count += piece.commands
        byteCount += piece.bytes.count - piece.offset
    }

    mutating func popFirst() -> Piece? {
        guard first < pieces.count else { return nil }
        let piece = pieces[first]
        first += 1
        count -= piece.commands
        byteCount -= piece.bytes.count - piece.offset
        if first == pieces.count {
            removeAll()
        } else if first >= 1024 {
            pieces.removeSubrange(..<first)
            first = 0
        }
        return piece
    }

    mutating func removeAll() {
        pieces = []
        first = 0
        count = 0
        byteCount = 0
    }
}
