internal import CZlib

/// Undoes a `Content-Encoding`, a bounded piece at a time.
///
/// libcurl can decompress too, but hands on whatever its input expands to, and keeps up to 64 MiB of it
/// while a transfer is paused.
final class ContentDecoder {
    enum Problem: Error {
        case broken, outOfMemory
    }

    private let stream: UnsafeMutablePointer<z_stream>
    private let isGzip: Bool
    private var hasBegun = false
    /// The stream was complete where the input so far ends.
    private(set) var isComplete = true

    /// A decoder for the value of `Content-Encoding`; `nil` if it is none of ours.
    init?(_ encoding: String) {
        switch encoding.lowercased() {
        case "gzip", "x-gzip": isGzip = true
        case "deflate": isGzip = false
        default: return nil
        }
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
    }

    deinit {
        if hasBegun { inflateEnd(stream) }
        stream.deallocate()
    }

    /// Decodes from `input` into `output`. Returns how much of each was used. While it fills `output`
    /// there may be more, even without further input.
    func decode(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(Problem) -> (consumed: Int, produced: Int) {
        if !hasBegun {
            guard let first = input.first else { return (0, 0) }
            try begin(first)
        }
        if isComplete {
            // Behind the end there may be another member of gzip; other things are padding that
            // some servers add, and mean nothing.
            guard isGzip, input.first == 0x1f else { return (input.count, 0) }
            isComplete = false
            inflateReset(stream)
        }
        // zlib declares its input as mutable and does not change it.
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(clamping: input.count)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(clamping: output.count)
        let code = inflate(stream, Z_NO_FLUSH)
        let consumed = min(input.count, Int(UInt32.max)) - Int(stream.pointee.avail_in)
        let produced = min(output.count, Int(UInt32.max)) - Int(stream.pointee.avail_out)
        switch code {
        case Z_STREAM_END: isComplete = true
        case Z_OK, Z_BUF_ERROR: break
        case Z_MEM_ERROR: throw .outOfMemory
        default: throw .broken
        }
        return (consumed, produced)
    }

    private func begin(_ first: UInt8) throws(Problem) {
        // "deflate" means zlib's format, but some servers send the bare stream: the low four bits
        // of zlib's first byte are 8, which no bare stream of a sane encoder begins with.
        let windowBits: Int32 = isGzip ? 15 + 16 : first & 0x0f == 8 ? 15 : -15
        guard
            inflateInit2_(stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
                == Z_OK
        else { throw .outOfMemory }
        hasBegun = true
        isComplete = false
    }
}
