import HTTPServer
import HTTPWire
import JSON

extension ClientEndpoint {
    /// `GET /_matrix/client/versions`
    static let versions = ClientEndpoint(.get, "/_matrix/client/versions", .whole) { _, _, _ in
        .json([
            "versions": [
                "r0.0.1", "r0.1.0", "r0.2.0", "r0.3.0", "r0.4.0", "r0.5.0", "r0.6.0", "r0.6.1",
                "v1.1", "v1.2", "v1.3", "v1.4", "v1.5", "v1.6",
            ],
            // What is there before the version that brought it is announced as a whole.
            "unstable_features": [
                "org.matrix.e2e_cross_signing": true, "org.matrix.msc2285.stable": true,
                "org.matrix.msc4222": true, "org.matrix.simplified_msc3575": true,
                "uk.tcpip.msc4133.stable": true,
            ],
        ])
    }
}
