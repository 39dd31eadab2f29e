internal import Glibc
internal import Reactor

/// One direction of a connection: what has been sent and not been read.
struct Pipe {
    private var segments: [(bytes: [UInt8], due: UInt64)] = []
    private(set) var count = 0
    private var lastDue: UInt64 = 0
    private(set) var endIsDue: UInt64?
    var resetIsDue: UInt64?

    /// When something can next be read.
    var firstDue: UInt64? { segments.first?.due ?? endIsDue }

    mutating func append(_ bytes: [UInt8], due: UInt64) {
        // Nothing overtakes what was sent before.
        lastDue = max(lastDue, due)
        segments.append((bytes, lastDue))
        count += bytes.count
    }

    mutating func end(due: UInt64) {
        lastDue = max(lastDue, due)
        endIsDue = lastDue
    }

    /// Everything that has arrived at `now`, in order.
    func available(at now: UInt64) -> Int {
        segments.prefix { $0.due <= now }.reduce(0) { $0 + $1.bytes.count }
    }

    mutating func take(_ wanted: Int) -> [UInt8] {
        var taken: [UInt8] = []
        while taken.count < wanted, let first = segments.first {
            let part = first.bytes.prefix(wanted - taken.count)
            taken += part
            if part.count == first.bytes.count {
                segments.removeFirst()
            } else {
                segments[0].bytes.removeFirst(part.count)
            }
        }
        count -= taken.count
        return taken
    }
}

/// One end of a simulated connection, or a listener.
struct SimulatedSocket {
    enum Role: Equatable {
        case unconnected
        case listener(SocketAddress)
        case stream
    }

    /// A send that has not happened yet; the sender keeps the bytes in place.
    struct LateSend {
        var vector: [iovec]
        var due: UInt64
    }

    var role = Role.unconnected
    var token: Token?
    /// Whether accepting or receiving is wanted.
    var isEnabled = false
    var peer: Int32?
    var incoming = Pipe()
    var waiting: [(descriptor: Int32, due: UInt64)] = []
    var outcome: (code: Int32, due: UInt64)?
    var late: LateSend?
    /// A send was refused: tell when there is room, or at once.
    var isBlocked = false
    var outputHasEnded = false
    /// A write has broken the connection. The reset may be on its way still, but nothing that is
    /// written later arrives: a network leaves no hole in what it delivers.
    var isBroken = false
    var endWasTold = false
    var resetWasTold = false
    var resetsOnClose = false
}
