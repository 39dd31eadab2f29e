internal import CCurl

extension CurlEasy {
    func set(_ tls: ClientTLSOptions, _ failed: inout CURLcode) {
        // Verification is libcurl's default, and the store is kept between connections.
        if !tls.verifies {
            set(CURLOPT_SSL_VERIFYPEER, false, &failed)
            set(CURLOPT_SSL_VERIFYHOST, 0, &failed)
        }
        set(
            CURLOPT_SSLVERSION,
            Int(tls.requiresTLS13 ? CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2), &failed)
        if let file = tls.trustedCertificatesFile {
            set(CURLOPT_CAINFO, file, &failed)
            set(CURLOPT_CAPATH, nil, &failed)
        }
        if let file = tls.certificateFile { set(CURLOPT_SSLCERT, file, &failed) }
        if let file = tls.privateKeyFile { set(CURLOPT_SSLKEY, file, &failed) }
        if let password = tls.privateKeyPassword {
            set(CURLOPT_KEYPASSWD, password, &failed)
        }
    }
}
