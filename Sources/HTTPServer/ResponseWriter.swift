public import Bytes
internal import HTTPWire
public import Reactor

/// Takes the pieces of a body whose length was announced.
public struct ResponseWriter: ~Copyable {
    private enum Way {
        /// Behind the head, where it was composed.
        case direct
        /// Through the channel.
        case queued
        /// Nowhere: the method is HEAD or the status forbids a body.
        case mute
        /// Compressed, and collected for the time being.
        case compressed
    }

    /// The channel outlasts the writer, which only the call that made it has: no reference is counted.
    private let channel: Unmanaged<Channel>
    private var way: Way
    /// The end of the channel's output, while that is lent.
    private var output: RawWriter
    private(set) var count = 0
    private let compressing: CompressedBody?

    /// A writer for a body that goes behind what is in `output`, the channel's room, where the head
    /// has been composed; without a channel's room through the channel.
    @inline(__always)
    init(_ channel: Channel, behind output: consuming RawWriter, isDirect: Bool, isMute: Bool) {
        self.channel = Unmanaged.passUnretained(channel)
        self.output = output
        way = isMute ? .mute : isDirect ? .direct : .queued
        compressing = nil
    }

    /// A writer that compresses and collects.
    init(_ channel: Channel, to compressing: CompressedBody) {
        self.channel = Unmanaged.passUnretained(channel)
        output = RawWriter(UnsafeMutableRawBufferPointer(start: nil, count: 0))
        way = .compressed
        self.compressing = compressing
    }

    /// Queues a shared piece, without a copy unless it is short.
    public mutating func write(_ shared: SharedBytes, on loop: isolated EventLoop) {
        count += shared.count
        switch way {
        case .direct:
            // A second piece of a vector costs more than copying so little.
            if shared.count <= output.left { return output.append(shared.bytes) }
            giveBackOutput(on: loop)
            channel.use { $0.write(shared, on: loop) }
        case .queued: channel.use { $0.write(shared, on: loop) }
        case .mute: break
        case .compressed: compressing?.append(shared.bytes)
        }
    }

    /// Queues a copy of a piece.
    public mutating func write(_ bytes: RawSpan, on loop: isolated EventLoop) {
        count += bytes.byteCount
        switch way {
        case .direct:
            if bytes.byteCount <= output.left { return output.append(bytes) }
            giveBackOutput(on: loop)
            channel.use { $0.write(bytes, on: loop) }
        case .queued: channel.use { $0.write(bytes, on: loop) }
        case .mute: break
        case .compressed: compressing?.append(bytes)
        }
    }

    private mutating func giveBackOutput(on loop: isolated EventLoop) {
        way = .queued
        let count = output.count
        channel.use { $0.commit(count, on: loop) }
    }

    /// There is nothing more to write.
    @inline(__always)
    mutating func end(on loop: isolated EventLoop) {
        if way == .direct { giveBackOutput(on: loop) }
    }
}

/// A body that is compressed while it is written.
final class CompressedBody {
    private let deflater: Deflater
    private(set) var bytes: [UInt8] = []

    init(_ deflater: Deflater) { self.deflater = deflater }

    func append(_ piece: RawSpan) { deflater.compress(piece, .none, into: &bytes) }

    func finish() { deflater.compress(RawSpan(), .finish, into: &bytes) }
}

extension Unmanaged {
    /// Calls `body` with the object, which must live for as long, and counts no reference to it.
    ///
    /// The standard library's function, called directly with a closure of ours, would have the
    /// executor checked before each call.
    @inline(__always)
    func use<Result>(_ body: (Instance) -> Result) -> Result { _withUnsafeGuaranteedRef(body) }
}
