import FuzzHTTP
import Logging
import Observability

func checkLogging(_ input: [UInt8]) throws(Violation) {
    guard let text = String(validating: input, as: UTF8.self) else { return }
    do {
        let configuration = try LoggingConfiguration(parsing: text, file: "f")
        for remark in configuration.remarks { try checkMessage("\(remark)") }
    } catch let error as LoggingConfigurationError {
        try require(!error.problems.isEmpty, "refused for no reason")
        for problem in error.problems { try checkMessage("\(problem)") }
    } catch let error as Violation {
        throw error
    } catch {
        throw Violation(description: "\(error)")
    }
}

/// A message names the file. It may quote a key that has a line end.
private func checkMessage(_ message: String) throws(Violation) {
    try require(message.hasPrefix("f"), "no place: \(message)")
}

func checkFormat(_ input: [UInt8]) throws(Violation) {
    guard let text = String(validating: input, as: UTF8.self) else { return }
    let parts = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
    let dateFormat = parts.count > 1 ? String(parts[1]) : nil
    guard let format = try? LogFormat(String(parts[0]), dateFormat: dateFormat) else { return }
    let record = LogRecord(
        time: LogRecord.now(), name: "beamline.sync", level: .notice,
        message: "woken\n\u{1b}[31m", metadata: ["user": "@a:b", "request": "GET-12"],
        file: "Services/Sync.swift", function: "wake()", line: 42)
    let line = format.render(record)
    try require(line.last == 0x0A, "the line does not end")
    // A placeholder is at most a thousand columns wide and takes four bytes at least.
    try require(line.count <= 64 + 1100 * input.count, "a line of \(line.count) bytes")
    // A format may colour its lines; a message may not.
    guard !input.contains(0x1b) else { return }
    try require(!line.contains(0x1b), "the line controls the terminal")
}
