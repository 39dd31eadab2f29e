internal import CCurl

/// Owns libcurl's multi handle, with its connections, and the store of TLS sessions.
///
/// Freeing it closes the connections, which calls back into the table of sockets: whoever owns it
/// lets it go while that table is alive.
struct CurlMulti: ~Copyable {
    let raw: UnsafeMutableRawPointer
    let sessions: UnsafeMutableRawPointer?

    init?() {
        guard Self.isReady, let raw = curl_multi_init() else { return nil }
        self.raw = raw
        // One thread uses them, so that the share needs no locks. Without it every connection
        // makes a full handshake, and nothing else changes.
        sessions = curl_share_init()
        if let sessions { _ = ccurl_share_sessions(sessions) }
    }

    deinit {
        curl_multi_cleanup(raw)
        if let sessions { curl_share_cleanup(sessions) }
    }

    /// libcurl's own set-up, once a process. It is thread-safe from 7.84 on.
    static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// What the installed libcurl calls itself, such as `libcurl/7.88.1 OpenSSL/3.0.22 …`.
    static let version = String(cString: curl_version())

    static func hasFeature(_ feature: Int32) -> Bool {
        guard let info = curl_version_info(ccurl_version_now) else { return false }
        return info.pointee.features & feature != 0
    }
}
