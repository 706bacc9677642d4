export interface Scrip {
  url: string;
  token(role: string, ...options: string[]): Promise<string>;
  stop(): Promise<void>;
  environment: Record<string, string>;
}

export function startScrip(settings?: Record<string, string>): Promise<Scrip>;
