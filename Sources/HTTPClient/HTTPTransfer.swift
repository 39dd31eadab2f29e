internal import Bytes
internal import CCurl
internal import HTTPWire
public import Reactor

/// One request on its way, and its response.
///
/// It lives on the client's loop. The client keeps it alive until it has ended; nothing has to hold
/// on to it.
public final class HTTPTransfer {
    /// What becomes of the response.
    enum Sink {
        case none
        case collect(UnsafeContinuation<Result<HTTPClientResponse, HTTPClientError>, Never>)
        case handler(any HTTPTransferHandler)
    }

    enum Phase {
        /// Not begun, or waiting for its turn.
        case waiting
        /// With libcurl.
        case running
        /// Received completely, and not yet consumed completely.
        case received
        case ended
    }

    let core: ClientCore
    var sink = Sink.none
    var phase = Phase.waiting

    // What is asked for.
    var request: OutgoingRequest
    /// The bytes and lists that libcurl reads while the transfer runs.
    var lent = LentMemory()
    var easy: CurlEasy?
    var timeout: Duration?
    let bodyBytesMax: Int

    // What has come.
    var response = ResponseState()
    /// The body, for ``Sink/collect(_:)``.
    var body: [UInt8] = []
    /// The body as it was sent, for ``Sink/handler(_:)``.
    var pending = ByteQueue()
    /// libcurl holds back what it has received.
    var isHeldBack = false
    var isPaused = false
    /// It is in the client's list of those that have something to tell.
    var hasNews = false

    // How it goes.
    /// Why libcurl was told to stop.
    var failure: HTTPClientError?
    /// The last address that the policy refused.
    var refusedAddress: IPAddress?
    /// It has a connection of its own making.
    var hasOpenedSocket = false
    /// `errno` of the last socket that could not be opened.
    var socketError: Int32 = 0
    /// Grows with everything that comes and goes.
    var activity = 0
    var deadline: Timer?
    var idleCheck: Timer?

    init(
        _ request: OutgoingRequest, timeout: Duration?, bodyBytesMax: Int,
        core: ClientCore
    ) {
        self.request = request
        self.timeout = timeout
        self.bodyBytesMax = bodyBytesMax
        self.core = core
    }

    /// Whether its handler was told that it has ended.
    public var hasEnded: Bool { phase == .ended }

    /// Gives the transfer up: its connection is closed, its memory freed, and its handler told with
    /// ``HTTPClientError/Code/cancelled`` before this returns. Does nothing once it has ended.
    public func cancel(on loop: isolated EventLoop) { end(.cancelled, on: loop) }

    /// Stops the pieces of the body. Those that come wait, up to
    /// ``HTTPClientOptions/streamHighWaterMark``; then the server is slowed down.
    public func pauseReading(on loop: isolated EventLoop) { isPaused = true }

    /// Lets the pieces come again.
    public func resumeReading(on loop: isolated EventLoop) {
        guard isPaused else { return }
        isPaused = false
        core.note(self, on: loop)
    }

    func resumeUpload(on loop: isolated EventLoop) { core.note(self, on: loop) }

    // MARK: Time

    func armDeadline(on loop: isolated EventLoop) {
        guard let timeout, deadline == nil else { return }
        deadline = loop.schedule(after: timeout) {
            self.deadline = nil
            self.end(
                HTTPClientError(.timedOut, "the request was not complete within \(timeout)"),
                on: loop)
        }
    }

    /// Looks four times in the idle timeout whether anything has moved.
    func armIdleCheck(on loop: isolated EventLoop, before: Int = -1, strikes: Int = 0) {
        guard let limit = core.options.idleTimeout else { return }
        idleCheck = loop.schedule(after: limit / 4) {
            self.idleCheck = nil
            guard self.phase == .running, let easy = self.easy else { return }
            let now = self.activity + easy.size(CURLINFO_SIZE_UPLOAD_T)
            let waitsForUs = self.isPaused || self.request.upload?.isStarved == true
            let strikes = now == before && !waitsForUs ? strikes + 1 : 0
            guard strikes < 4 else {
                return self.end(
                    HTTPClientError(.timedOut, "nothing came or went for \(limit)"), on: loop)
            }
            self.armIdleCheck(on: loop, before: now, strikes: strikes)
        }
    }

    func disarm(on loop: isolated EventLoop) {
        deadline.take().map { loop.cancel($0) }
        idleCheck.take().map { loop.cancel($0) }
    }
}

/// What libcurl reads while a transfer runs, and must therefore stay where it is.
struct LentMemory: ~Copyable {
    var fields = CurlList()
    var connectTo = CurlList()
    var body: SharedBytes?
}

/// What is known of a response.
struct ResponseState {
    var head = HTTPClientResponseHead()
    var headerBytes = 0
    var isHeadComplete = false
    /// The head was handed to the handler.
    var isHeadTold = false
    /// The response sends us elsewhere: its body is of no interest.
    var isRedirect = false
    /// Bytes of the body as they were sent.
    var received = 0
    /// Bytes of the body, decompressed.
    var decoded = 0
    var decoder: ContentDecoder?
}
