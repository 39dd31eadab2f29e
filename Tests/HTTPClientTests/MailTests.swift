import HTTPServer
import HTTPWire
import Reactor
import TestSupport
import Testing

@testable import HTTPClient

/// A mail server that takes one line after the other.
final class MailPeer {
    var lines: [String] = []
    var data: [String] = []
    var isInData = false
    /// Answers by the first word of a command, instead of "250 fine".
    var answers: [String: String] = [:]

    func listen(on loop: isolated EventLoop) throws -> SocketAddress {
        try loop.listen(on: .loopback()) { channel in
            channel.write(Array("220 here\r\n".utf8), on: loop)
            return ScriptedPeer { peer, channel in
                while let line = peer.takeLine() {
                    guard let answer = self.answer(line) else { continue }
                    channel.write(Array("\(answer)\r\n".utf8), on: loop)
                }
            }
        }.localAddress
    }

    private func answer(_ line: String) -> String? {
        if isInData {
            guard line == "." else {
                data.append(line)
                return nil
            }
            isInData = false
            return answers["."] ?? "250 queued as 42"
        }
        lines.append(line)
        let word = line.split(separator: " ").first.map(String.init) ?? ""
        if let answer = answers[word] { return answer }
        if word == "QUIT" { return "221 bye" }
        if word == "DATA" { isInData = true }
        return word == "DATA" ? "354 go" : "250 fine"
    }
}

@Suite("Mail")
struct MailTests {
    private static func mail() throws -> MailMessage {
        MailMessage(
            from: try MailAddress("bot@example.org", displayName: "Bot"),
            to: [try MailAddress("alice@example.org")], subject: "Hello", text: "Text\n")
    }

    @Test("a mail is handed over line by line, dots and all", arguments: backends)
    func sending(backend: EventLoop.Backend) throws {
        try onLoop(backend) { loop in
            let peer = MailPeer()
            let address = try peer.listen(on: loop)
            let client = try HTTPClient(on: loop)
            var mail = try Self.mail()
            mail.text = ".\n..two\nplain\n"
            mail.blindCopies = [try MailAddress("bob@example.com")]
            mail.sender = try MailAddress("bounces@example.org")
            var server = MailServer(
                host: "127.0.0.1", port: address.port ?? 0, security: .opportunistic)
            server.ownName = "matrix.example.org"
            for _ in 0..<2 {
                peer.lines = []
                peer.data = []
                let reply = try await client.sendMail(mail, via: server, on: loop)
                #expect(reply == .init(code: 250, text: "queued as 42"))
                let size = peer.data.dropFirst(0).joined(separator: "\r\n").utf8.count
                #expect(size > 100)
                #expect(peer.lines.contains("MAIL FROM:<bounces@example.org>"))
                #expect(peer.lines.contains("RCPT TO:<alice@example.org>"))
                #expect(peer.lines.contains("RCPT TO:<bob@example.com>"))
                #expect(peer.data.suffix(3) == ["..", "...two", "plain"])
                #expect(!peer.data.contains { $0.contains("bob") })
                #expect(peer.data.contains("To: <alice@example.org>"))
            }
            client.close(on: loop)
        }
    }

    @Test(
        "what a server refuses is told with its code and text",
        arguments: [
            ("MAIL", "451 not now"), ("RCPT", "550 5.1.1 nobody of that name"),
            ("DATA", "554 no"), (".", "552 too much"), ("EHLO", "421 closing"),
        ])
    func refusals(word: String, answer: String) throws {
        for backend in backends {
            try onLoop(backend) { loop in
                let peer = MailPeer()
                peer.answers = [word: answer, "HELO": answer]
                if word != "EHLO" { peer.answers["HELO"] = nil }
                let address = try peer.listen(on: loop)
                let client = try HTTPClient(on: loop)
                let server = MailServer(
                    host: "127.0.0.1", port: address.port ?? 0, security: .none)
                let mail = try Self.mail()
                let error = try await failure {
                    try await client.sendMail(mail, via: server, on: loop)
                }
                #expect(error.code == .mailRefused, "\(error)")
                #expect(error.reply.map { "\($0.code) \($0.text)" } == answer)
                client.close(on: loop)
            }
        }
    }

    @Test("STARTTLS is required, or used if offered; users log in")
    func security() throws {
        let certificates = try Certificates.shared.get()
        for (mode, security, isFine) in [
            ("smtp", MailServer.Security.required, true), ("smtp", .opportunistic, true),
            ("smtps", .implicit, true), ("smtp plain", .required, false),
            ("smtp plain", .opportunistic, true),
        ] {
            let words = mode.split(separator: " ").map(String.init)
            let peer = try TLSPeer(mode: words[0], words.count > 1 ? words[1] : "")
            defer { peer.stop() }
            let port = peer.port
            for backend in backends {
                try onLoop(backend) { loop in
                    let client = try HTTPClient(on: loop)
                    var server = MailServer(host: "localhost", port: port, security: security)
                    server.tls.trustedCertificatesFile = certificates.path("ca.pem")
                    server.user = "alice"
                    server.password = "secret"
                    let mail = try Self.mail()
                    if isFine {
                        let reply = try await client.sendMail(mail, via: server, on: loop)
                        let isSecure = !mode.contains("plain")
                        #expect(
                            reply.text.hasPrefix(
                                "taken secure=\(isSecure ? "True" : "False") auth=/alice/secret"))
                    } else {
                        let error = try await failure {
                            try await client.sendMail(mail, via: server, on: loop)
                        }
                        #expect(error.code == .tlsFailed, "\(error)")
                    }
                    if isFine, security == .required {
                        server.password = "wrong"
                        let server = server
                        let error = try await failure {
                            try await client.sendMail(mail, via: server, on: loop)
                        }
                        #expect(error.code == .mailRefused)
                        #expect(error.reply?.code == 535)
                        #expect(!"\(error)".contains("wrong\""))
                    }
                    client.close(on: loop)
                }
            }
        }
    }

    @Test(
        "what is no address is refused",
        arguments: [
            "", "alice", "@example.org", "alice@", "a b@example.org", "alice@exa mple.org",
            "alice@example.org\r\nRCPT TO:<x@y>", "<alice@example.org>", "a@b@c",
            "a..b@example.org",
            ".a@example.org", "a@.example.org", "a@example..org", "älice@example.org",
            "alice@[300.1.1.1]", "a,b@example.org", "a@example.org,b@example.org",
            "\u{0}@example.org",
        ])
    func addresses(text: String) throws {
        let error = #expect(throws: HTTPClientError.self) { try MailAddress(text) }
        #expect(error?.code == .invalidRequest)
        #expect(error?.message.utf8.allSatisfy { $0 >= 0x20 } == true)
    }

    @Test(
        "good addresses are taken",
        arguments: ["a@b", "a.b+c@example.org", "x@[10.0.0.1]", "x@[IPv6:::1]"])
    func goodAddresses(text: String) throws {
        #expect(try MailAddress(text).address == text)
    }

    @Test("nothing can be smuggled into the header")
    func injection() throws {
        #expect(throws: HTTPClientError.self) {
            try MailAddress("a@b", displayName: "x\r\nBcc: y@z")
        }
        for evil in ["x\r\nBcc: y@z", "x\nBcc: y@z", "x\ry", "x\u{0}y"] {
            var mail = try Self.mail()
            mail.subject = evil
            #expect(throws: HTTPClientError.self) { try mail.render(seconds: 0, id: "x") }
            mail = try Self.mail()
            mail.fields = [("X-A", evil)]
            #expect(throws: HTTPClientError.self) { try mail.render(seconds: 0, id: "x") }
            mail.fields = [(evil, "a")]
            #expect(throws: HTTPClientError.self) { try mail.render(seconds: 0, id: "x") }
        }
        for name in ["", "Subject", "to", "BCC", "A:", "A B", "Content-Type"] {
            var mail = try Self.mail()
            mail.fields = [(name, "a")]
            #expect(throws: HTTPClientError.self) { try mail.render(seconds: 0, id: "x") }
        }
        var nobody = try Self.mail()
        nobody.to = []
        #expect(throws: HTTPClientError.self) { try nobody.render(seconds: 0, id: "x") }
    }

    @Test("a message of two parts")
    func message() throws {
        var mail = try Self.mail()
        mail.subject = "Grüße"
        mail.text = "Schöne = Welt \n"
        mail.html = "<p>Schön</p>"
        mail.replyTo = try MailAddress("help@example.org", displayName: "Jürgen \"J\"")
        mail.fields = [("Auto-Submitted", "auto-generated")]
        let text = String(
            decoding: try mail.render(seconds: 1_790_000_000, id: "abc"), as: UTF8.self)
        #expect(
            text == """
                Date: Mon, 21 Sep 2026 14:13:20 +0000\r
                Message-ID: <abc@example.org>\r
                From: "Bot"\r
                 <bot@example.org>\r
                Reply-To: =?utf-8?B?SsO8cmdlbiAiSiI=?=\r
                 <help@example.org>\r
                To: <alice@example.org>\r
                Subject: =?utf-8?B?R3LDvMOfZQ==?=\r
                MIME-Version: 1.0\r
                Auto-Submitted: auto-generated\r
                Content-Type: multipart/alternative; boundary="=_abc"\r
                \r
                --=_abc\r
                Content-Type: text/plain; charset=utf-8\r
                Content-Transfer-Encoding: quoted-printable\r
                \r
                Sch=C3=B6ne =3D Welt=20\r
                \r
                --=_abc\r
                Content-Type: text/html; charset=utf-8\r
                Content-Transfer-Encoding: quoted-printable\r
                \r
                <p>Sch=C3=B6n</p>\r
                \r
                --=_abc--\r

                """)
    }

    @Test("quoted-printable keeps its lines short and gives the text back")
    func quotedPrintable() {
        var random = Seeded(3)
        let letters = Array("ab =\t\n\r.üé€𝄞")
        for _ in 0..<500 {
            let count = Int.random(in: 0..<400, using: &random)
            let text = String((0..<count).map { _ in letters.randomElement(using: &random) ?? "a" })
            let encoded = MailEncoding.quotedPrintable(text)
            let lines = encoded.split(separator: "\r\n", omittingEmptySubsequences: false)
            #expect(lines.allSatisfy { $0.utf8.count <= 76 && $0.last != " " && $0.last != "\t" })
            #expect(encoded.utf8.allSatisfy { $0 < 0x80 })
            #expect(!encoded.contains("=_"))
            var decoded: [UInt8] = []
            for (index, line) in lines.enumerated() {
                var bytes = Array(line.utf8)[...]
                while let byte = bytes.popFirst() {
                    guard byte == 0x3d, bytes.count >= 2 else {
                        if byte != 0x3d { decoded.append(byte) }
                        continue
                    }
                    decoded.append(
                        UInt8(String(decoding: bytes.prefix(2), as: UTF8.self), radix: 16) ?? 0)
                    bytes = bytes.dropFirst(2)
                }
                let isSoft = line.last == "="
                if !isSoft, index < lines.count - 1 { decoded.append(0x0a) }
            }
            var expected: [UInt8] = []
            var bytes = Array(text.utf8)[...]
            while let byte = bytes.popFirst() {
                if byte == 0x0d, bytes.first == 0x0a { bytes.removeFirst() }
                expected.append(byte == 0x0d ? 0x0a : byte)
            }
            if let last = expected.last, last != 0x0a { expected.append(0x0a) }
            #expect(decoded == expected)
        }
    }

    @Test("encoded words are short and split no character")
    func encodedWords() {
        let text = String(repeating: "Grüße 𝄞 ", count: 30)
        let words = MailEncoding.unstructured(text).split(separator: "\r\n ")
        #expect(words.count > 5)
        for word in words {
            #expect(word.utf8.count <= 75)
            #expect(word.hasPrefix("=?utf-8?B?") && word.hasSuffix("?="))
        }
        #expect(MailEncoding.unstructured("plain") == "plain")
        #expect(MailEncoding.unstructured("=?x") != "=?x")
    }

    @Test(
        "dates",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 +0000"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 +0000"),
            (-1, "Wed, 31 Dec 1969 23:59:59 +0000"),
        ] as [(Int64, String)])
    func dates(seconds: Int64, text: String) {
        #expect(MailDate(seconds: seconds).description == text)
    }
}
