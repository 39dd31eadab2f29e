import Glibc
import Testing

/// Certificates of an authority of our own, made once by openssl(1).
final class Certificates: Sendable {
    static let shared = Result { try Certificates() }

    private let folder: String

    func path(_ name: String) -> String { "\(folder)/\(name)" }

    private init() throws {
        var template = Array("/tmp/beamline-certificates-XXXXXX".utf8CString)
        folder = String(cString: try #require(mkdtemp(&template)))
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        try openssl(
            ["req", "-x509"] + key + [
                "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test", "-days", "2",
            ])
        for (name, extensions) in [
            ("server", "subjectAltName=DNS:server.test,DNS:localhost"),
            ("client", "extendedKeyUsage=clientAuth"),
        ] {
            let file = try #require(fopen(path("\(name).ext"), "w"))
            fputs(extensions, file)
            fclose(file)
            try openssl(
                ["req"] + key + [
                    "-keyout", "\(name).key", "-out", "\(name).csr", "-subj", "/CN=\(name).test",
                ])
            try openssl([
                "x509", "-req", "-in", "\(name).csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "2", "-extfile", "\(name).ext", "-out", "\(name).pem",
            ])
        }
    }

    private func openssl(_ arguments: [String]) throws {
        let program = try Program(["openssl"] + arguments, folder: folder)
        try #require(program.finish() == 0, "openssl \(arguments) failed")
    }
}

/// A server in Python that speaks TLS and tells what it has seen. It ends with its standard input.
final class TLSPeer {
    let port: UInt16
    let certificates: Certificates
    private let program: Program

    init(mode: String, _ flags: String = "") throws {
        certificates = try Certificates.shared.get()
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        program = try Program(
            ["python3", "/\(folder)/Peers/tls_peer.py", certificates.path(""), mode]
                + flags.split(separator: " ").map(String.init))
        port = try #require(UInt16(try program.readLine()))
    }

    func stop() { program.finish() }
}
