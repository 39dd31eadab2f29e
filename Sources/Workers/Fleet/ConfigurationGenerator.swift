internal import Configuration
internal import Glibc
internal import Matrix

/// `beamline --generate-config`: the files of a new server.
public enum ConfigurationGenerator {
    /// Writes homeserver.yaml at `path` with a signing key and a log configuration beside it; files that exist are kept.
    /// Returns the exit code.
    public static func run(path: String, serverName: String, reportStats: Bool) -> Int32 {
        let folder =
            path.contains("/") ? path.split(separator: "/").dropLast().joined(separator: "/") : ""
        let directory: String
        if path.hasPrefix("/") {
            directory = "/" + folder
        } else {
            guard let current = getcwd(nil, 0) else { return 1 }
            defer { free(current) }
            directory = String(cString: current) + (folder.isEmpty ? "" : "/" + folder)
        }
        let template = HomeserverTemplate(
            serverName: serverName, reportStats: reportStats, directory: directory)
        do {
            for file in template.files(at: path, signingKey: SigningKey.generate().fileText) {
                let isNew = try file.writeUnlessPresent()
                print(isNew ? "Wrote \(file.path)" : "Kept \(file.path), which was there already")
            }
            return 0
        } catch {
            print("beamline: \(error)")
            return 1
        }
    }
}
