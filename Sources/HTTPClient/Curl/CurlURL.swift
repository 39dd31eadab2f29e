internal import CCurl

/// Owns a URL as libcurl has parsed it. What is checked here and what libcurl connects to come from
/// the same parser, so that they cannot differ.
final class CurlURL {
    let raw: OpaquePointer

    /// Parses an absolute URL.
    convenience init(_ text: String) throws(HTTPClientError) {
        // libcurl takes "http:///path" for a request to the host "path".
        let parts = text.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        if parts.count > 2, parts[2].isEmpty {
            throw HTTPClientError(.invalidRequest, "the URL has no host")
        }
        try self.init(text, copying: nil)
    }

    /// Resolves `text` as a link on the page of `base`.
    convenience init(_ text: String, relativeTo base: CurlURL) throws(HTTPClientError) {
        try self.init(text, copying: curl_url_dup(base.raw))
    }

    private init(_ text: String, copying base: OpaquePointer?) throws(HTTPClientError) {
        guard let raw = base ?? curl_url() else { throw HTTPClientError.outOfMemory }
        self.raw = raw
        // libcurl takes blanks and bytes beyond ASCII in a path as they are; in a request line
        // they would be somebody's mistake at best.
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw HTTPClientError(
                .invalidRequest, "the URL holds a blank, a control character or is not ASCII")
        }
        let code = curl_url_set(raw, CURLUPART_URL, text, UInt32(CURLU_PATH_AS_IS))
        guard code == CURLUE_OK else {
            throw HTTPClientError(
                .invalidRequest, "the URL is malformed: \(String(cString: curl_url_strerror(code)))"
            )
        }
        // A fragment is for whoever asks, not for the server.
        curl_url_set(raw, CURLUPART_FRAGMENT, nil, 0)
    }

    deinit { curl_url_cleanup(raw) }

    func part(_ part: CURLUPart, _ flags: Int32 = 0) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_get(raw, part, &text, UInt32(flags)) == CURLUE_OK, let text else {
            return nil
        }
        defer { curl_free(text) }
        return String(cString: text)
    }

    var scheme: String { part(CURLUPART_SCHEME) ?? "" }
    /// The host's name or its numeric address, without brackets.
    var host: String {
        let host = part(CURLUPART_HOST) ?? ""
        return host.hasPrefix("[") && host.hasSuffix("]")
            ? String(host.dropFirst().dropLast()) : host
    }
    /// The port, the scheme's own where none is given.
    var port: Int { part(CURLUPART_PORT, CURLU_DEFAULT_PORT).flatMap { Int($0) } ?? 0 }
    /// The whole URL, once the credentials were taken out.
    var text: String { part(CURLUPART_URL) ?? "" }

    /// Takes user and password out of the URL, so that neither errors nor logs can show them.
    func takeCredentials() -> (user: String, password: String)? {
        let user = part(CURLUPART_USER, CURLU_URLDECODE)
        let password = part(CURLUPART_PASSWORD, CURLU_URLDECODE)
        guard user != nil || password != nil else { return nil }
        for part in [CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS] {
            curl_url_set(raw, part, nil, 0)
        }
        return (user ?? "", password ?? "")
    }
}
