internal import YAML

/// How a configuration is read.
public struct LoadOptions: Sendable {
    /// Where relative paths start; nil is the process's working directory.
    public var workingDirectory: String?
    /// Whether files that the configuration names must exist already.
    public var checksFiles: Bool
    /// Which process of a worker with `worker_replicas` is configured, from 1 on; nil for the file as it
    /// stands.
    public var replica: Int?

    /// Options; the defaults are those of a process that starts.
    public init(
        workingDirectory: String? = nil, checksFiles: Bool = true, replica: Int? = nil
    ) {
        self.workingDirectory = workingDirectory
        self.checksFiles = checksFiles
        self.replica = replica
    }
}

extension BeamlineConfiguration {
    /// Reads what `-c` names: each path is a file or a folder of `*.yaml`, later ones override.
    ///
    /// Blocks on the disk. Throws every mistake of every file at once.
    public static func load(
        paths: [String], options: LoadOptions = LoadOptions()
    ) throws(ConfigurationError) -> BeamlineConfiguration {
        let report = Report()
        let files = ConfigurationFiles(
            workingDirectory: options.workingDirectory ?? currentWorkingDirectory(), report: report)
        let sources = files.read(paths)
        return try load(sources, files: files, options: options)
    }

    /// Reads texts as if they were files of these names; for tests and generated fleets.
    public static func load(
        texts: [(name: String, text: String)], options: LoadOptions = LoadOptions()
    ) throws(ConfigurationError) -> BeamlineConfiguration {
        let report = Report()
        let files = ConfigurationFiles(
            workingDirectory: options.workingDirectory ?? currentWorkingDirectory(), report: report)
        var sources: [ConfigurationSource] = []
        for (name, text) in texts {
            do {
                let document = try Document(parsing: text, file: name)
                sources.append(ConfigurationSource(name: name, document: document))
            } catch {
                report.add(.error, at: error.position, key: "", error.problem)
            }
        }
        return try load(sources, files: files, options: options)
    }

    private static func load(
        _ sources: [ConfigurationSource], files: ConfigurationFiles, options: LoadOptions
    ) throws(ConfigurationError) -> BeamlineConfiguration {
        let report = files.report
        let names = sources.map(\.name)
        // Without all of the files every missing key would be reported as well.
        guard !report.hasErrors else { throw ConfigurationError(report.sorted(files: names)) }
        let merged = merge(sources, report: report)
        let place = SourcePosition(
            file: sources.first?.name ?? "(no configuration file)", line: 1, column: 1)
        let root = Section(merged, prefix: "", at: place, report: report)
        let reader = ConfigurationReader(root: root, files: files, options: options)
        let configuration = reader.read(files: names)
        root.reportUnknownKeys(explained: KnownKeys.unused)
        let diagnostics = report.sorted(files: names)
        guard !report.hasErrors, var configuration else { throw ConfigurationError(diagnostics) }
        configuration.diagnostics = diagnostics
        return configuration
    }

    /// Lays the files over each other: a later file's key replaces an earlier one's as a whole.
    private static func merge(_ sources: [ConfigurationSource], report: Report) -> Mapping {
        var merged = Mapping()
        for source in sources {
            for duplicate in source.document.duplicateKeys {
                report.add(.warning, at: duplicate.position, key: "", duplicate.problem)
            }
            let root = source.document.root
            guard !root.isNull else { continue }
            guard let mapping = root.mapping else {
                report.add(
                    .error, at: root.position, key: "",
                    "is \(root.summary), expected keys and values")
                continue
            }
            for entry in mapping.entries { merged.set(entry.key, entry.value) }
        }
        return merged
    }
}
