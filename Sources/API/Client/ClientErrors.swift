public import HTTPServer
import HTTPWire
import JSON
import Postgres
import Services

/// Turns errors into the responses of the client-server API. The one place where that happens.
public enum ClientErrors {
    /// The response for an error that a handler or the server itself threw.
    public static func render(_ error: any Error, _ request: HTTPRequest?) -> HTTPResponse {
        let refusal = refusal(for: error)
        var response = HTTPResponse.json(refusal.body, status: HTTPStatus(refusal.status))
        if let wait = refusal.details["retry_after_ms"]?.intValue {
            response.headers.set("Retry-After", "\((wait + 999) / 1000)")
        }
        return response
    }

    static func refusal(for error: any Error) -> MatrixError {
        switch error {
        case let error as MatrixError: error
        case let error as HTTPError: refusal(for: error)
        case let error as PostgresError: refusal(for: error)
        default: MatrixError(500, "M_UNKNOWN", "Internal server error")
        }
    }

    private static func refusal(for error: HTTPError) -> MatrixError {
        let code =
            switch error.status.code {
            case 404, 405: "M_UNRECOGNIZED"
            case 413: "M_TOO_LARGE"
            default: "M_UNKNOWN"
            }
        let message =
            error.status.code == 404 || error.status.code == 405
            ? "Unrecognized request" : error.detail
        return MatrixError(Int(error.status.code), code, message)
    }

    /// Clients learn nothing about the database, except that trying again may help.
    private static func refusal(for error: PostgresError) -> MatrixError {
        let mayRecover =
            [.connectFailed, .connectionLost, .timeout, .poolExhausted].contains(error.code)
            || error.isRetryable
        // Text with a zero byte cannot be stored; only requests bring such text.
        if error.code == .encoding || ["22021", "22P05"].contains(error.sqlState) {
            return MatrixError(400, "M_UNKNOWN", "The request holds text that cannot be stored")
        }
        return mayRecover
            ? MatrixError(503, "M_UNKNOWN", "The database is not available")
            : MatrixError(500, "M_UNKNOWN", "Internal server error")
    }
}
