internal import Bytes
internal import CCurl
internal import HTTPWire

/// A request that was found to be sound, as it goes out: with each redirect it changes.
struct OutgoingRequest {
    enum Body {
        case none
        case bytes(SharedBytes)
        case upload
    }

    var url: CurlURL
    var method: HTTPMethod
    var headers: HTTPHeaders
    var body: Body
    /// The source of a streamed body, and what starts it.
    var upload: HTTPUpload?
    var startUpload: ((HTTPUpload) -> Void)?
    var connectTo: HTTPClientRequest.Endpoint?
    let redirects: RedirectPolicy
    var redirectCount = 0
    /// Whether a proxy makes the connection to the server.
    var isProxied = false

    init(
        _ request: HTTPClientRequest, _ options: HTTPClientOptions
    ) throws(HTTPClientError) {
        let url = try CurlURL(request.url)
        headers = request.headers
        if let (user, password) = url.takeCredentials(), headers["Authorization"] == nil {
            headers.append(
                "Authorization", "Basic \(Base64.encode(Array("\(user):\(password)".utf8)))")
        }
        try Self.check(url)
        method = request.method
        guard Self.isToken(method.name), method != .connect else {
            throw HTTPClientError(.invalidRequest, "'\(method.name)' is not a method to ask with")
        }
        switch request.body {
        case .empty: body = .none
        case .bytes(let bytes): body = .bytes(SharedBytes(bytes))
        case .shared(let bytes): body = .bytes(bytes)
        case .stream(let length, let start):
            if let length, length < 0 {
                throw HTTPClientError(.invalidRequest, "the body's length is negative")
            }
            body = .upload
            upload = HTTPUpload(length: length, highWaterMark: options.streamHighWaterMark)
            startUpload = start
        }
        if method == .head {
            guard case .none = body else {
                throw HTTPClientError(.invalidRequest, "HEAD has no body")
            }
        }
        if let host = request.connectTo?.host, !Self.isHost(host) {
            throw HTTPClientError(.invalidRequest, "'\(host)' is not a host to connect to")
        }
        connectTo = request.connectTo
        redirects = request.redirects ?? options.redirects
        self.url = url
    }

    private static func check(_ url: CurlURL) throws(HTTPClientError) {
        let scheme = url.scheme
        guard scheme == "http" || scheme == "https" else {
            throw HTTPClientError(
                .invalidRequest, "the scheme '\(scheme)' is neither http nor https")
        }
        guard !url.host.isEmpty else {
            throw HTTPClientError(.invalidRequest, "the URL has no host")
        }
    }

    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                byte > 0x20 && byte < 0x7f && !"()<>@,;:\\\"/[]?={}".utf8.contains(byte)
            }
    }

    static func isHost(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                byte > 0x20 && byte < 0x7f && !"/?#@[]\\\"<>".utf8.contains(byte)
            }
            && (!text.utf8.contains(UInt8(ascii: ":")) || IPAddress(text) != nil)
    }

    /// Scheme, host and port, for errors.
    var server: String {
        let host = url.host
        return "\(url.scheme)://\(host.contains(":") ? "[\(host)]" : host):\(url.port)"
    }

    // MARK: Redirects

    /// Turns to `location`, which a response of `status` named.
    mutating func follow(_ location: String, status: Int) throws(HTTPClientError) {
        let next: CurlURL
        do throws(HTTPClientError) {
            next = try CurlURL(location, relativeTo: url)
            _ = next.takeCredentials()
            try Self.check(next)
        } catch {
            throw HTTPClientError(
                .redirectRefused, "the server redirects to where one cannot go: \(error.message)")
        }
        guard redirects.changesScheme || next.scheme == url.scheme else {
            throw HTTPClientError(
                .redirectRefused,
                "the redirect leads from \(url.scheme) to \(next.scheme), which is not allowed")
        }
        let changed = RedirectPolicy.method(after: status, of: method)
        if changed != method {
            method = changed
            body = .none
            for name in ["Content-Type", "Content-Encoding", "Content-Language"] {
                headers.remove(name)
            }
        }
        if case .upload = body {
            throw HTTPClientError(
                .redirectRefused, "the redirect asks for the body again, which was streamed")
        }
        let isElsewhere =
            next.scheme != url.scheme || next.host != url.host || next.port != url.port
        if isElsewhere {
            // These were meant for the place that the request named.
            connectTo = nil
            headers.remove("Host")
            if !redirects.keepsCredentials {
                for name in ["Authorization", "Cookie", "Proxy-Authorization"] {
                    headers.remove(name)
                }
            }
        }
        redirectCount += 1
        url = next
    }
}
