import Foundation
import Testing

/// Load balancers that are installed, or were taken out of their packages into `.tools`.
enum Proxy: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case nginx
    case haproxy

    var testDescription: String { rawValue }

    /// The program, if it is there.
    var program: String? {
        let named = ProcessInfo.processInfo.environment["BEAMLINE_TEST_\(rawValue.uppercased())"]
        let tools = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../../.tools/\(rawValue)/usr/sbin/\(rawValue)").standardized.path
        return [named, "/usr/sbin/\(rawValue)", tools].compactMap { $0 }.first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
    }

    /// The command that runs a configuration which `beamline routes` has written, in the foreground.
    func command(_ program: String, _ routes: String, in folder: String) throws -> [String] {
        switch self {
        case .haproxy:
            try routes.write(
                toFile: "\(folder)/haproxy.cfg", atomically: true, encoding: .utf8)
            return [program, "-db", "-f", "\(folder)/haproxy.cfg"]
        case .nginx:
            let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map {
                "\($0)_temp_path \(folder)/\($0);"
            }
            let text = """
                daemon off;
                pid \(folder)/nginx.pid;
                error_log \(folder)/nginx.log;
                \(getuid() == 0 ? "user root;" : "")
                events {}
                http {
                access_log off;
                \(folders.joined(separator: "\n"))
                \(routes)
                }

                """
            try text.write(toFile: "\(folder)/nginx.conf", atomically: true, encoding: .utf8)
            return [program, "-p", folder, "-c", "\(folder)/nginx.conf"]
        }
    }
}
