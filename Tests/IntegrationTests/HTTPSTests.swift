import Foundation
import ProcessControl
import Testing

@Suite("HTTPS of real processes", .serialized)
struct HTTPSTests {
    @Test("a fleet serves HTTPS, and SIGHUP changes the certificate if the new one is good")
    func fleet() throws {
        let fleet = try TestFleet.synchrotrons(1)
        try makeCertificate("first", in: fleet.folder)
        try makeCertificate("second", in: fleet.folder)
        try install("first", in: fleet.folder)
        let worker = fleet.workerPath(fleet.workers[0].name)
        try edit(fleet.homeserver) { text in
            text.replacing("    type: http\n", with: "    type: http\n    tls: true\n")
                + "\ntls_certificate_path: \(fleet.folder)/cert.pem"
                + "\ntls_private_key_path: \(fleet.folder)/key.pem\n"
        }
        try edit(worker) { $0.replacing("- type: http\n", with: "- type: http\n   tls: true\n") }
        // synctl finds the processes ready, although it only connects to their ports and leaves.
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver, "-a", fleet.workersFolder]) }
        let workerPort = fleet.workers[0].port
        #expect(try serves("first", fleet.mainPort, fleet) == "served\n")
        #expect(try serves("first", workerPort, fleet, path: "/health") == "served\n")

        try install("second", in: fleet.folder)
        try ProcessTable.signal(try #require(fleet.pid(of: "homeserver")), SIGHUP)
        #expect(try serves("second", fleet.mainPort, fleet) == "served\n")

        try edit("\(fleet.folder)/key.pem") { _ in "nonsense" }
        try ProcessTable.signal(try #require(fleet.pid(of: "homeserver")), SIGHUP)
        let complaint =
            "The certificate stays as it was: \(fleet.folder)/key.pem: holds no private key"
        #expect(try serves("second", fleet.mainPort, fleet, after: complaint) == "served\n")
        try fleet.stop()
        #expect(fleet.log(of: "homeserver").contains("Listening for HTTPS on 127.0.0.1"))
    }

    private func edit(_ path: String, _ body: (String) -> String) throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try body(text).write(toFile: path, atomically: true, encoding: .utf8)
    }

    private func makeCertificate(_ name: String, in folder: String) throws {
        let outcome = try Program.run(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-keyout", "\(folder)/\(name).key", "-out", "\(folder)/\(name).cert",
                "-days", "2", "-subj", "/CN=\(name)", "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1",
            ])
        #expect(outcome.code == 0, "\(outcome.output)")
    }

    private func install(_ name: String, in folder: String) throws {
        for kind in ["cert", "key"] {
            let text = try String(contentsOfFile: "\(folder)/\(name).\(kind)", encoding: .utf8)
            try text.write(toFile: "\(folder)/\(kind).pem", atomically: true, encoding: .utf8)
        }
    }

    /// What a client in Python says that trusts the certificate `name` alone. It asks until it is
    /// served, or the log has a line, for half a minute at most.
    private func serves(
        _ name: String, _ port: UInt16, _ fleet: TestFleet,
        path: String = "/_matrix/client/versions", after line: String = ""
    ) throws -> String {
        let script = """
            import ssl, sys, time, urllib.request
            trusted, address, log, line = sys.argv[1:]
            context = ssl.create_default_context(cafile=trusted)
            limit = time.monotonic() + 30
            while True:
                try:
                    if line not in open(log).read(): raise OSError("the line is not there")
                    with urllib.request.urlopen(address, context=context) as answer:
                        assert answer.status == 200 and answer.read()
                    print("served")
                    break
                except OSError as error:
                    if time.monotonic() > limit: raise
                    time.sleep(0.02)
            """
        let folder = fleet.folder
        return try Program.run(
            "/usr/bin/python3",
            [
                "-c", script, "\(folder)/\(name).cert", "https://localhost:\(port)\(path)",
                "\(folder)/homeserver.log", line,
            ]
        ).output
    }
}
