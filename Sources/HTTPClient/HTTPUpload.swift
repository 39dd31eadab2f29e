internal import Bytes
public import Reactor

/// Takes the pieces of a request's body while the request is under way.
///
/// It lives on the client's loop. Pieces wait in memory until the server takes them: pause while
/// ``isWritable`` is false.
public final class HTTPUpload {
    weak var transfer: HTTPTransfer?
    /// The number of bytes that were announced.
    let length: Int?
    private var buffer = UploadBuffer()
    private var written = 0
    private let highWaterMark: Int
    private(set) var hasEnded = false
    private(set) var problem: String?
    /// libcurl has been told to wait for more.
    var isStarved = false
    private(set) var isClosed = false
    private var waiters: [UnsafeContinuation<Void, Never>] = []

    init(length: Int?, highWaterMark: Int) {
        self.length = length
        self.highWaterMark = highWaterMark
    }

    /// Whether few enough bytes wait. False also once nobody takes any.
    public var isWritable: Bool { !isClosed && !hasEnded && buffer.count < highWaterMark }

    /// Whether the transfer has ended: further bytes are dropped. The server may answer before it
    /// has read everything.
    public var hasBeenAbandoned: Bool { isClosed }

    /// Called each time ``isWritable`` becomes true again, and when the transfer ends.
    public var onWritable: (() -> Void)?

    /// Queues a copy of `bytes`. Dropped once the body or the transfer has ended.
    public func write(_ bytes: RawSpan, on loop: isolated EventLoop) {
        guard !hasEnded, !isClosed else { return }
        written += bytes.byteCount
        if let length, written > length {
            return fail("it is longer than the \(length) bytes that were announced", on: loop)
        }
        buffer.append(bytes)
        wake(on: loop)
    }

    /// Queues a copy of `bytes`. Dropped once the body or the transfer has ended.
    public func write(_ bytes: [UInt8], on loop: isolated EventLoop) {
        write(bytes.span.bytes, on: loop)
    }

    /// Parks the calling task until ``isWritable`` or ``hasBeenAbandoned``.
    public func waitUntilWritable(on loop: isolated EventLoop) async {
        guard !isWritable, !isClosed, !hasEnded else { return }
        await withUnsafeContinuation(isolation: loop) { waiters.append($0) }
    }

    /// Ends the body.
    public func finish(on loop: isolated EventLoop) {
        guard !hasEnded, !isClosed else { return }
        if let length, written < length {
            return fail("it ended after \(written) of \(length) bytes", on: loop)
        }
        hasEnded = true
        wake(on: loop)
    }

    /// Gives the transfer up, since no more of the body can be had. It fails with
    /// ``HTTPClientError/Code/bodyFailed``.
    public func fail(_ problem: String, on loop: isolated EventLoop) {
        guard !hasEnded, !isClosed else { return }
        self.problem = problem
        hasEnded = true
        transfer?.end(
            HTTPClientError(.bodyFailed, "the request's body cannot be sent: \(problem)"), on: loop)
    }

    private func wake(on loop: isolated EventLoop) {
        guard isStarved, let transfer else { return }
        transfer.resumeUpload(on: loop)
    }

    // MARK: For libcurl

    /// What is left of the room below the high water mark has grown enough to tell.
    private var wasFull = false

    enum Reading {
        case bytes(Int), end, later
    }

    /// Moves bytes into libcurl's buffer.
    func read(into room: UnsafeMutableRawBufferPointer) -> Reading {
        if buffer.isEmpty {
            if hasEnded { return .end }
            isStarved = true
            return .later
        }
        if buffer.count >= highWaterMark { wasFull = true }
        return .bytes(buffer.read(into: room))
    }

    /// Begins again from the first byte; `false`: they are gone.
    func rewind() -> Bool { buffer.rewind() }

    /// Whether libcurl would only have to wait again.
    var hasNothing: Bool { buffer.isEmpty && !hasEnded }

    /// Whether its writer has to be told that there is room again.
    var owesWritability: Bool {
        wasFull && buffer.count < highWaterMark / 2 || isClosed && !waiters.isEmpty
    }

    func tellWritability() {
        wasFull = false
        let waiting = waiters
        waiters = []
        for waiter in waiting { waiter.resume() }
        onWritable?()
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        buffer.removeAll()
        tellWritability()
        onWritable = nil
    }
}
