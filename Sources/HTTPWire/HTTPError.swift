/// Why a request cannot be served: the status that says so to the client, and a sentence for
/// humans.
public struct HTTPError: Error, Sendable, Hashable {
    /// The status of the answer.
    public let status: HTTPStatus
    /// What was wrong. Never holds bytes of the request, so it is safe to log and to answer.
    public let detail: String

    /// An error that is answered with `status`.
    public init(_ status: HTTPStatus, _ detail: String) {
        self.status = status
        self.detail = detail
    }
}

extension HTTPError: CustomStringConvertible {
    /// Status and sentence.
    public var description: String { "\(status): \(detail)" }
}
