"""Ring 2, the studio: requests, jobs, the engine that runs them, and where their pictures go."""
