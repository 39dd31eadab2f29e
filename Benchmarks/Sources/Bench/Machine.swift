import Foundation

/// The machine and the versions that figures belong to.
enum Machine {
    static func describe(_ lab: Lab, _ suite: Suite) -> String {
        let memory = Double(ProcessInfo.processInfo.physicalMemory) / Double(1 << 30)
        let cores = ProcessInfo.processInfo.processorCount
        var lines = [
            "\(processor()), \(cores) cores, \(String(format: "%.0f", memory)) GiB\(virtualization())",
            "Linux \(text(lab, ["uname", "-r"])), \(release())",
            text(lab, ["swift", "--version"]).split(separator: "\n").first.map(String.init) ?? "",
            text(lab, ["clang", "--version"]).split(separator: "\n").first.map(String.init) ?? "",
        ]
        let versions = suite.packages.map { package in
            "\(package) \(text(lab, ["dpkg-query", "-W", "-f", "${Version}", package]))"
        }
        lines.append(
            (versions + suite.versions).joined(separator: ", "))
        return lines.filter { !$0.isEmpty }.joined(separator: "\n")
    }

    private static func text(_ lab: Lab, _ command: [String]) -> String {
        guard let data = try? lab.run(command) else { return "unknown" }
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func field(_ name: String, of file: String, _ separator: Character) -> String? {
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
        return line?.split(separator: separator, maxSplits: 1).last
            .map { $0.trimmingCharacters(in: CharacterSet(charactersIn: " \"\t")) }
    }

    private static func processor() -> String {
        field("model name", of: "/proc/cpuinfo", ":") ?? "unknown processor"
    }

    private static func virtualization() -> String {
        let flags = field("flags", of: "/proc/cpuinfo", ":") ?? ""
        return flags.split(separator: " ").contains("hypervisor") ? ", a virtual machine" : ""
    }

    private static func release() -> String {
        field("PRETTY_NAME", of: "/etc/os-release", "=") ?? "unknown distribution"
    }
}
