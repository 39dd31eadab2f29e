/// A response's status code.
public struct HTTPStatus: Sendable, Hashable, ExpressibleByIntegerLiteral {
    /// The code, 100 to 999.
    public let code: UInt16

    /// A status with the given code, which must have three digits.
    public init(_ code: Int) {
        precondition(code >= 100 && code <= 999, "a status code has three digits")
        self.code = UInt16(code)
    }

    /// A status with the given code, which must have three digits.
    public init(integerLiteral code: Int) { self.init(code) }

    /// Whether an answer with this status never has a body: 1xx, 204 and 304.
    public var forbidsBody: Bool { code < 200 || code == 204 || code == 304 }
}

extension HTTPStatus {
    /// 200
    public static let ok: HTTPStatus = 200
    /// 201
    public static let created: HTTPStatus = 201
    /// 202
    public static let accepted: HTTPStatus = 202
    /// 204
    public static let noContent: HTTPStatus = 204
    /// 206
    public static let partialContent: HTTPStatus = 206
    /// 302
    public static let found: HTTPStatus = 302
    /// 304
    public static let notModified: HTTPStatus = 304
    /// 400
    public static let badRequest: HTTPStatus = 400
    /// 401
    public static let unauthorized: HTTPStatus = 401
    /// 403
    public static let forbidden: HTTPStatus = 403
    /// 404
    public static let notFound: HTTPStatus = 404
    /// 405
    public static let methodNotAllowed: HTTPStatus = 405
    /// 408
    public static let requestTimeout: HTTPStatus = 408
    /// 409
    public static let conflict: HTTPStatus = 409
    /// 412
    public static let preconditionFailed: HTTPStatus = 412
    /// 413
    public static let contentTooLarge: HTTPStatus = 413
    /// 414
    public static let uriTooLong: HTTPStatus = 414
    /// 416
    public static let rangeNotSatisfiable: HTTPStatus = 416
    /// 417
    public static let expectationFailed: HTTPStatus = 417
    /// 429
    public static let tooManyRequests: HTTPStatus = 429
    /// 431
    public static let requestHeaderFieldsTooLarge: HTTPStatus = 431
    /// 500
    public static let internalServerError: HTTPStatus = 500
    /// 501
    public static let notImplemented: HTTPStatus = 501
    /// 502
    public static let badGateway: HTTPStatus = 502
    /// 503
    public static let serviceUnavailable: HTTPStatus = 503
    /// 504
    public static let gatewayTimeout: HTTPStatus = 504
    /// 505
    public static let versionNotSupported: HTTPStatus = 505
}

extension HTTPStatus {
    /// The reason phrase, informative only; empty for codes without a registered one.
    public var reason: StaticString {
        switch code {
        case 100: "Continue"
        case 101: "Switching Protocols"
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 206: "Partial Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 303: "See Other"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        default: code < 500 ? clientErrorReason : serverErrorReason
        }
    }

    private var clientErrorReason: StaticString {
        switch code {
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 411: "Length Required"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 416: "Range Not Satisfiable"
        case 417: "Expectation Failed"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        default: ""
        }
    }

    private var serverErrorReason: StaticString {
        switch code {
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: ""
        }
    }
}

extension HTTPStatus: CustomStringConvertible {
    /// Code and reason phrase.
    public var description: String { "\(code) \(reason)" }
}
