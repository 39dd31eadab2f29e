internal import Bytes
internal import CZlib

/// One gzip stream after another, through zlib.
final class Deflater {
    enum Flush {
        /// zlib keeps what it likes for a better ratio.
        case none
        /// What was given can be read by the client.
        case sync
        /// The stream ends.
        case finish

        var code: Int32 {
            switch self {
            case .none: Z_NO_FLUSH
            case .sync: Z_SYNC_FLUSH
            case .finish: Z_FINISH
            }
        }
    }

    private static let roomBytes = 16 * 1024
    private let stream: UnsafeMutablePointer<z_stream>
    private let room: UnsafeMutablePointer<UInt8>

    /// Fails if there is no memory for it, or the level does not exist.
    init?(level: Int) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        room = .allocate(capacity: Self.roomBytes)
        // The largest window, and 16 for gzip's framing instead of zlib's own.
        let code = deflateInit2_(
            stream, Int32(clamping: level), Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY,
            ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else {
            stream.deallocate()
            room.deallocate()
            return nil
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
        room.deallocate()
    }

    /// Makes it ready for another stream.
    func reset() { deflateReset(stream) }

    /// Compresses `input` and appends what comes out of it.
    func compress(_ input: RawSpan, _ flush: Flush, into output: inout [UInt8]) {
        input.withUnsafeBytes { bytes in
            // zlib counts input in 32 bits, and reads it only, whatever its type says.
            precondition(bytes.count <= Int(UInt32.max), "more than zlib takes at once")
            let start = bytes.bindMemory(to: UInt8.self).baseAddress
            stream.pointee.next_in = UnsafeMutablePointer(mutating: start)
            stream.pointee.avail_in = UInt32(bytes.count)
            repeat {
                stream.pointee.next_out = room
                stream.pointee.avail_out = UInt32(Self.roomBytes)
                // It fails only for want of room, or if the stream has ended before.
                guard deflate(stream, flush.code) != Z_STREAM_ERROR else { break }
                let count = Self.roomBytes - Int(stream.pointee.avail_out)
                output.append(contentsOf: UnsafeBufferPointer(start: room, count: count))
            } while stream.pointee.avail_out == 0
            stream.pointee.next_in = nil
        }
    }
}

/// The deflaters of a server. One that is idle is kept; there are never more than allowed.
final class DeflaterPool {
    private static let idleMax = 2

    let policy: CompressionPolicy
    private var idle: [Deflater] = []
    private var lent = 0

    init(_ policy: CompressionPolicy) { self.policy = policy }

    /// A fresh stream, or `nil` if too many are in use or memory is short.
    func take() -> Deflater? {
        guard lent <= policy.streamsMax else { return nil }
        guard let deflater = idle.popLast() ?? Deflater(level: policy.level) else { return nil }
        lent += 1
        return deflater
    }

    func giveBack(_ deflater: Deflater) {
        lent -= 1
        guard idle.count < Self.idleMax else { return }
        deflater.reset()
        idle.append(deflater)
    }

    /// Compresses a whole body, or returns `nil` if that does not make it smaller.
    func compress(_ body: HTTPBody) -> [UInt8]? {
        guard let deflater = take() else { return nil }
        defer { giveBack(deflater) }
        var output: [UInt8] = []
        output.reserveCapacity(body.count / 3)
        switch body {
        case .empty, .file: return nil
        case .bytes(let bytes): deflater.compress(bytes.span.bytes, .finish, into: &output)
        case .pieces(let pieces):
            for piece in pieces { deflater.compress(piece.bytes, .none, into: &output) }
            deflater.compress(RawSpan(), .finish, into: &output)
        }
        return output.count < body.count ? output : nil
    }
}
