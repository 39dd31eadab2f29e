public import JSON

/// A refusal that the client is told: the HTTP status and the body's `errcode` and `error`.
public struct MatrixError: Error, Sendable, Hashable {
    /// The HTTP status.
    public var status: Int
    /// `M_FORBIDDEN`, …
    public var errorCode: String
    /// What is wrong, for people.
    public var message: String
    /// Further members of the body, as some codes have.
    public var details: [String: JSON]

    /// A refusal with these parts.
    public init(
        _ status: Int, _ errorCode: String, _ message: String, details: [String: JSON] = [:]
    ) {
        self.status = status
        self.errorCode = errorCode
        self.message = message
        self.details = details
    }

    /// The body of the response.
    public var body: JSON {
        var body = JSON(details)
        body["errcode"] = .string(errorCode)
        body["error"] = .string(message)
        return body
    }

    /// 403: the user may not.
    public static func forbidden(_ message: String) -> MatrixError {
        MatrixError(403, "M_FORBIDDEN", message)
    }

    /// 404: there is no such thing.
    public static func notFound(_ message: String) -> MatrixError {
        MatrixError(404, "M_NOT_FOUND", message)
    }

    /// 400: a parameter has an impossible value.
    public static func invalidParameter(_ message: String) -> MatrixError {
        MatrixError(400, "M_INVALID_PARAM", message)
    }

    /// 400: a parameter is missing.
    public static func missingParameter(_ name: String) -> MatrixError {
        MatrixError(400, "M_MISSING_PARAM", "Missing parameter: \(name)")
    }

    /// 400: the JSON is not what the endpoint expects.
    public static func badJSON(_ message: String) -> MatrixError {
        MatrixError(400, "M_BAD_JSON", message)
    }

    /// 401: no token was sent.
    public static let missingToken = MatrixError(401, "M_MISSING_TOKEN", "Missing access token")

    /// 401: the token is not, or no longer, one of ours.
    public static let unknownToken = MatrixError(
        401, "M_UNKNOWN_TOKEN", "Invalid access token", details: ["soft_logout": false])
}
