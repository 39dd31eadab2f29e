public import Reactor

/// What a streamed response tells its consumer. Every call comes on the client's loop, and never
/// from inside a call to the client but for ``HTTPTransfer/cancel(on:)``.
public protocol HTTPTransferHandler: AnyObject {
    /// The head is there. Called once, first, unless the transfer fails before.
    func received(
        _ head: HTTPClientResponseHead, of transfer: HTTPTransfer, on loop: isolated EventLoop)

    /// A piece of the body, lent for the call: copy what must live longer.
    ///
    /// ``HTTPTransfer/pauseReading(on:)`` stops them, and slows the server down.
    func received(_ bytes: RawSpan, of transfer: HTTPTransfer, on loop: isolated EventLoop)

    /// The response is complete, or `error` says why it never will be. Called exactly once, last.
    func ended(_ transfer: HTTPTransfer, error: HTTPClientError?, on loop: isolated EventLoop)
}
