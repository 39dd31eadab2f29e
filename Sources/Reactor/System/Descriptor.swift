internal import Glibc

/// A file descriptor with one owner: closed when the owner lets go.
struct Descriptor: ~Copyable {
    let raw: Int32

    init(owning raw: Int32) { self.raw = raw }

    deinit { Glibc.close(raw) }

    /// Gives the descriptor away without closing it.
    consuming func release() -> Int32 {
        let raw = raw
        discard self
        return raw
    }
}
