import Glibc

/// A recorded session between real processes: `<epoch> <connection> <direction> <line>`.
struct Capture: Sendable {
    struct Line: Sendable {
        let connection: String
        let isFromMain: Bool
        let text: String
    }

    let lines: [Line]

    init(_ name: String) throws {
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        let text = try readWhole("/\(folder)/Captures/\(name).log")
        lines = text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
            guard parts.count == 4, parts[2] == ">" || parts[2] == "<" else { return nil }
            return Line(
                connection: String(parts[1]), isFromMain: parts[2] == ">", text: String(parts[3]))
        }
    }
}

private struct Unreadable: Error {
    let path: String
}

private func readWhole(_ path: String) throws -> String {
    guard let file = fopen(path, "r") else { throw Unreadable(path: path) }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
        bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
}
